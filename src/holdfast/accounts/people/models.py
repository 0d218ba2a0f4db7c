"""People, what they sign in with, and links that work once."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone

from holdfast.accounts.people.ids import new_id
from holdfast.accounts.people.names import LONGEST_ADDRESS, LONGEST_NAME


class People(BaseUserManager["Person"]):
    """Makes people; whoever has an address or a name has its handle as well."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Person:
        """Create somebody with a verified address. Raises IntegrityError where it is taken."""
        from holdfast.accounts.people.flows import creation

        return creation.create(email, password, **fields)

    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(handles__name=username)


class Role(models.TextChoices):
    """What somebody may do in the console."""

    ADMIN = "admin"
    SUPPORT = "support"
    AUDITOR = "auditor"


class Person(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in. Addresses are allauth's EmailAddress; `email` is the primary one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    password = models.CharField(max_length=1024)  # hashes of elsewhere are longer than Django's
    username = models.CharField(max_length=LONGEST_NAME, unique=True, null=True, blank=True)
    email = models.EmailField(max_length=LONGEST_ADDRESS, blank=True, db_index=True)
    name = models.CharField(max_length=150, blank=True)
    profile = models.JSONField(default=dict, blank=True)
    language = models.CharField(max_length=8, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    role = models.CharField(max_length=10, blank=True, choices=Role)
    """What they may do here; Django's `is_staff` and `is_superuser` follow from it."""
    created = models.DateTimeField(default=timezone.now, db_index=True)
    source_id = models.CharField(max_length=200, unique=True, null=True, blank=True)
    """Who they are in the system they were imported from: imported again, they are the same."""
    password_stands_alone = models.BooleanField(default=False)
    """Whether the password is long enough without a second factor."""

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = People()

    class Meta:
        verbose_name_plural = "people"
        indexes = (  # of the few who are looked for so
            models.Index(fields=["role"], condition=~models.Q(role=""), name="people_roles"),
            models.Index(
                fields=["created"], condition=models.Q(is_active=False), name="people_inactive"
            ),
        )

    def __str__(self) -> str:
        return self.name or self.username or self.email or str(self.id)

    def get_full_name(self) -> str:
        """What the console calls who is signed in."""
        return str(self)

    def save(self, *args: Any, **options: Any) -> None:
        self.is_staff, self.is_superuser = bool(self.role), self.role == Role.ADMIN
        fields = options.get("update_fields")
        if fields is not None and "role" in fields:
            options["update_fields"] = {*fields, "is_staff", "is_superuser"}
        super().save(*args, **options)

    def set_password(self, raw_password: str | None) -> None:
        from holdfast.accounts.passwords.policy import stands_alone

        super().set_password(raw_password)
        self.password_stands_alone = raw_password is not None and stands_alone(raw_password)


class Handle(models.Model):
    """Something a person signs in with: a user name or an address. Nobody else can have it.

    One table for both, so that the database itself keeps them apart, whoever writes at the same
    time and on every engine.
    """

    name = models.CharField(max_length=LONGEST_ADDRESS, primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="handles")

    def __str__(self) -> str:
        return self.name


class Purpose(models.TextChoices):
    """What a link is for."""

    FIRST_ADMIN = "first-admin"
    INVITATION = "invitation"
    SIGN_IN = "sign-in"
    BREAK_GLASS = "break-glass"


class OneTimeLink(models.Model):
    """A link that works once and for a while. Only a digest of its token is kept.

    It is *open* until somebody uses it or it expires; using it is one conditional update, so that
    of two at the same time only one succeeds.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    purpose = models.CharField(max_length=20, choices=Purpose)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True)
    email = models.EmailField(max_length=LONGEST_ADDRESS, blank=True)
    expires = models.DateTimeField(db_index=True)
    used = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.purpose} until {self.expires:%F %R}"


class Spent(models.Model):
    """Something that counts once only, whichever worker sees it first, and for a while."""

    digest = models.CharField(max_length=64, primary_key=True)
    expires = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"spent until {self.expires:%F %T}"
