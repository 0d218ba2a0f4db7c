// Planted on purpose: lines that a scan has to find, each beside one that is as it should be.
class Shop {
  static final String COLUMNS = "id, name";

  void orders(Connection db, String name, int id) throws Exception {
    db.createStatement().executeQuery("SELECT * FROM orders WHERE name = '" + name + "'"); // finds: sql
    PreparedStatement right = db.prepareStatement("SELECT * FROM orders WHERE name = ?"); // clean
    String text = String.format("DELETE FROM orders WHERE name = '%s'", name); // finds: sql
    String number = String.format("Order %d of %s", id, name); // clean
    String update = "UPDATE orders SET name = '" + name; // finds: sql
    String known = "SELECT " + COLUMNS + " FROM orders"; // clean
    String asText = "SELECT * FROM orders WHERE name = '%s'".formatted(name); // finds: sql
  }

  void weak(HttpServletResponse answer) {
    Cookie cookie = new Cookie("session", "x"); // finds: cookie
    answer.addCookie(cookie);
  }

  void sound(HttpServletResponse answer) {
    Cookie cookie = new Cookie("session", "x"); // clean
    cookie.setSecure(true);
    cookie.setHttpOnly(true);
    answer.addCookie(cookie);
  }

  void failed(Exception error, HttpServletResponse answer) throws Exception {
    error.printStackTrace(answer.getWriter()); // finds: debug
    error.printStackTrace(); // clean
  }
}
