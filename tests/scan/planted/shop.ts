// Planted on purpose: lines that a scan has to find, each beside one that is as it should be.
export async function find(db: Pool, name: string, sort: string): Promise<Row[]> {
  const wrong = await db.query("SELECT id FROM todo WHERE name = '" + name + "'"); // finds: sql
  const right = await db.query("SELECT id FROM todo WHERE name = $1", [name]); // clean
  const sorted = await db.query(`SELECT id FROM todo ORDER BY ${sort}`); // finds: sql
  const many = await db.query("SELECT id " + "FROM todo"); // clean
  return [...wrong, ...right, ...sorted, ...many];
}
