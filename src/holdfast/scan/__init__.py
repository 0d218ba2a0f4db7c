"""What is wrong in a tree of code, before anybody runs it."""
