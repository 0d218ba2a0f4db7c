"""Placeholder until the passwords branch lands."""

from django.contrib.auth.hashers import Argon2PasswordHasher, make_password


class Argon2id(Argon2PasswordHasher):
    time_cost = 2
    memory_cost = 19456
    parallelism = 1


def names(configuration: object) -> list[str]:
    return ["holdfast.accounts.passwords.hashers.Argon2id"]


def burn(password: str) -> None:
    make_password(password)
