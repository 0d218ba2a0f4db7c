// Planted on purpose: lines that a scan has to find, each beside one that is as it should be.
const TABLE = "orders";

async function orders(db, req, res) {
  await db.query("SELECT * FROM orders WHERE id = " + req.params.id); // finds: sql
  await db.query("SELECT * FROM orders WHERE id = $1", [req.params.id]); // clean
  await db.query(`SELECT * FROM orders WHERE name = '${req.query.name}'`); // finds: sql
  await db.query(sql`SELECT * FROM orders WHERE name = ${req.query.name}`); // clean
  const text = "DELETE FROM orders WHERE id = " + req.body.id + " LIMIT 1"; // finds: sql
  await db.query("SELECT * FROM " + TABLE); // clean
  await db.query(`UPDATE orders SET name = '${req.body.name}' WHERE id = 1`); // finds: sql
  await db.query("insert into orders (name) values ('" + req.body.name + "')"); // finds: sql
  res.send(`You select ${text} from a list`); // clean
  res.cookie("session", "x"); // finds: cookie
  res.cookie("session", "x", { httpOnly: true, secure: true, sameSite: "lax" }); // clean
  res.cookie("session", "x", { httpOnly: true }); // finds: cookie
  res.cookie("session", "x", { secure: false, httpOnly: true }); // finds: cookie
}

function failed(err, req, res) {
  res.send(err.stack); // finds: debug
  res.send("Something went wrong"); // clean
}

app.use(session({ secret: process.env.SECRET, cookie: { secure: false } })); // finds: cookie
app.use(session({ secret: process.env.SECRET, cookie: { secure: true } })); // clean
