// Planted on purpose: lines that a scan has to find, each beside one that is as it should be.
package shop

const columns = "id, name"

func orders(db *sql.DB, w http.ResponseWriter, name string, id int) {
	db.Query("SELECT id FROM orders WHERE name = '" + name + "'")                    // finds: sql
	db.Query("SELECT id FROM orders WHERE name = ?", name)                           // clean
	db.Exec(fmt.Sprintf("DELETE FROM orders WHERE name = '%s'", name))               // finds: sql
	db.Exec(fmt.Sprintf("DELETE FROM orders WHERE id = %d", id))                     // clean
	db.Query("SELECT " + columns + " FROM orders")                                   // clean
	query := "UPDATE orders SET name = '" + name                                     // finds: sql
	http.SetCookie(w, &http.Cookie{Name: "session", Value: query})                   // finds: cookie
	http.SetCookie(w, &http.Cookie{Name: "s", Value: "x", Secure: true, HttpOnly: true}) // clean
	w.Write(debug.Stack())                                                           // finds: debug
}
