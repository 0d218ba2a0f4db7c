"""Secrets that must be read again are encrypted at rest, with a key made of the service's own."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet
from django.conf import settings


def seal(text: str, purpose: str) -> str:
    """Encrypt; only the same purpose opens it (16 characters at most)."""
    return _box(purpose).encrypt(text.encode()).decode()


def opened(sealed: str, purpose: str) -> str:
    """Decrypt. Raises cryptography's InvalidToken."""
    return _box(purpose).decrypt(sealed.encode()).decode()


def _box(purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(key(purpose)))


def key(purpose: str, size: int = 32) -> bytes:
    """Return a key of so many bytes, made of the service's own (16 characters at most)."""
    own = settings.SECRET_KEY.encode()
    return hashlib.blake2b(own, digest_size=size, person=purpose.encode()).digest()
