"""Django's PostgreSQL, with a check of a kept connection that asks the server nothing."""
