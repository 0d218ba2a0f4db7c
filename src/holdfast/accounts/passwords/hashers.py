"""Placeholder until the passwords branch lands."""
from django.contrib.auth.hashers import make_password
def names(configuration): return ["django.contrib.auth.hashers.Argon2PasswordHasher"]
def burn(password): make_password(password)
