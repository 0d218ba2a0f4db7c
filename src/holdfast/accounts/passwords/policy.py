"""Placeholder until the passwords branch lands."""

from typing import Any


def validators(configuration: object) -> list[dict[str, Any]]:
    return [
        {
            "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
            "OPTIONS": {"min_length": 15},
        }
    ]


def stands_alone(password: str) -> bool:
    return len(password) >= 15
