"""Placeholder until the passwords branch lands."""

from django.contrib.auth.hashers import make_password


def names(configuration: object) -> list[str]:
    return ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def burn(password: str) -> None:
    make_password(password)
