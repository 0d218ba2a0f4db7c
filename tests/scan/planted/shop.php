<?php
// Planted on purpose: lines that a scan has to find, each beside one that is as it should be.
$wrong = $db->query("SELECT * FROM orders WHERE id = $id"); // finds: sql
$right = $db->prepare("SELECT * FROM orders WHERE id = ?"); // clean
$other = $db->query("SELECT * FROM orders WHERE id = " . $_GET['id']); // finds: sql
$lists = $db->query("SELECT * FROM orders " . "ORDER BY id"); // clean
$named = $db->query(sprintf("DELETE FROM orders WHERE name = '%s'", $name)); // finds: sql
$curly = $db->query("UPDATE orders SET name = '{$name}' WHERE id = 1"); // finds: sql
$plain = 'SELECT * FROM orders WHERE price > $5'; // clean
setcookie("session", $value); // finds: cookie
setcookie("session", $value, ["secure" => true, "httponly" => true, "samesite" => "Lax"]); // clean
ini_set('display_errors', 1); // finds: debug
ini_set('display_errors', 0); // clean
ini_set('session.cookie_httponly', 0); // finds: cookie
