"""One row for each person, which people are found by."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from holdfast.accounts.people.models import Person


class SearchRow(models.Model):
    """What is known of a person as one text, and what else is asked for; in the order they came.

    SQLite (`search_fts`) and PostgreSQL (`pg_trgm`) keep an index of the text's trigrams beside it,
    as part of the same transaction.
    """

    number = models.BigAutoField(primary_key=True)
    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="row")
    text = models.TextField()
    role = models.CharField(max_length=10, blank=True)
    active = models.BooleanField()
    created = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["created", "number"], name="search_created"),
            # of the few who are looked for so: to add the many to an index would only take time
            models.Index(fields=["role", "number"], condition=~Q(role=""), name="search_roles"),
            models.Index(fields=["number"], condition=Q(active=False), name="search_inactive"),
        )

    def __str__(self) -> str:
        return f"row {self.number}"
