"""What allauth asks about second factors: how secrets are kept, and which may be removed."""

from __future__ import annotations

from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator

from holdfast.accounts import sealed

PURPOSE = "second factor"


class Adapter(DefaultMFAAdapter):
    """Encrypts secrets at rest; keeps people from being left with a password too short alone."""

    def encrypt(self, text: str) -> str:
        return sealed.seal(text, PURPOSE)

    def decrypt(self, encrypted_text: str) -> str:
        return sealed.opened(encrypted_text, PURPOSE)

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        person = authenticator.user
        if person.password_stands_alone or not person.has_usable_password():
            return True
        others = Authenticator.objects.filter(user=person).exclude(pk=authenticator.pk)
        return bool(others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())
