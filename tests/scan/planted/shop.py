"""Planted on purpose: lines that a scan has to find, each beside one that is as it should be."""

DEBUG = True  # finds: debug
SESSION_COOKIE_SECURE = False  # finds: cookie
CSRF_COOKIE_SECURE = True  # clean


def orders(db, name, sort, columns=("id", "name")):
    db.execute(f"SELECT * FROM orders WHERE name = '{name}'")  # finds: sql
    db.execute("SELECT * FROM orders WHERE name = ?", (name,))  # clean
    db.execute("SELECT * FROM orders WHERE name = '%s'" % name)  # finds: sql
    db.execute("SELECT * FROM orders WHERE name = '{}'".format(name))  # finds: sql
    db.execute("SELECT * FROM orders ORDER BY " + sort)  # finds: sql
    db.execute("SELECT * FROM orders " "ORDER BY id")  # clean
    query = "DELETE FROM orders WHERE name = '" + name + "'"  # finds: sql
    print(f"select {name} from the list")  # clean
    return query


def sign_in(response, app, secure):
    response.set_cookie("session", "x")  # finds: cookie
    response.set_cookie("session", "x", secure=secure, httponly=True, samesite="lax")  # clean
    response.set_cookie("session", "x", secure=True)  # finds: cookie
    app.jar.set_cookie(response)  # clean
    app.run(debug=True)  # finds: debug
    app.run(debug=False)  # clean
