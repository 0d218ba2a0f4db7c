"""The accounts half: a sign-in service that a team runs beside its application."""
