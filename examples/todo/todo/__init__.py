"""A to-do list for people who sign in elsewhere: what an application with the guard looks like."""
