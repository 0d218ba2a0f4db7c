"""The pages of the console, with as much of everything as there are people."""

from __future__ import annotations

import statistics
import sys
import time

SEEN = 5
ENTRIES_FROM = 10_000_000
"""Entries that are made up stand behind all real ones, which go on being added."""
FILLED = (
    (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {people}) "
        "INSERT INTO trail_trailentry (number, data, signature, at, what, who, object) "
        "SELECT {first} + i, '{{}}', 'none', '2026-11-25 00:00:00', CASE WHEN i % 10 < 7 THEN "
        "'sign-in.good' WHEN i % 10 < 9 THEN 'sign-in.failed' WHEN i % 1000 = 9 THEN "
        "'role.given' ELSE 'session.ended' END, 'somebody' || (i % 5000), '' FROM n"
    ),
    (
        "INSERT INTO trail_tally (day, what, count) VALUES ('2026-11-01', 'sign-in.good', 7), "
        "('2026-11-01', 'sign-in.failed', 2), ('2026-11-01', 'role.given', 1)"
    ),
    (
        "INSERT INTO mfa_authenticator (type, data, user_id, created_at) "
        "SELECT 'totp', '{{}}', id, created FROM people_person LIMIT {people} / 3"
    ),
    (
        "INSERT INTO usersessions_usersession "
        "(user_id, created_at, last_seen_at, ip, session_key, user_agent, data) "
        "SELECT id, created, created, '198.51.100.7', id, 'a browser', '{{}}' FROM people_person "
        "WHERE role = '' LIMIT {people} / 3"
    ),
)
PAGES = (
    *("", "people/person/", "people/person/?p=30", "people/person/?q=anna", "people/person/?q=org"),
    *("people/person/?q=nobody+at+all", "people/person/?q=a", "people/person/?o=2"),
    *(
        "people/person/?o=-6",
        "people/person/?role=admin",
        "people/person/?inactive=yes",
    ),
    *("people/person/PERSON/change/", "usersessions/usersession/", "trail/trailentry/?q=sign-in"),
    *("usersessions/usersession/?q=198.51.100.7", "usersessions/usersession/?q=PERSON"),
    *("trail/trailentry/", "trail/trailentry/?p=30", "trail/trailentry/?q=role.given"),
    *("trail/trailentry/?q=PERSON", "trail/trailentry/?o=2.1", "trail/trailentry/?q=key:none"),
    *("trail/trailentry/0/change/", "api/apikey/", "webhooks/webhook/", "webhooks/delivery/"),
)


def fill(people: int) -> None:
    """Make a trail, authenticators and sessions up, by the database itself."""
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in FILLED:
            cursor.execute(statement.format(people=people, first=ENTRIES_FROM))
        cursor.execute("ANALYZE")


def slowest() -> float:
    """Return the milliseconds of the slowest page, the median of a few looks at each."""
    from django.conf import settings
    from django.test import Client

    from holdfast.accounts.people.models import Person, Role

    admin, _ = Person.objects.get_or_create(username="bench", defaults={"role": Role.ADMIN})
    somebody = Person.objects.exclude(pk=admin.pk).order_by("created")[0]
    client = Client(headers={"host": settings.HOLDFAST.origin.partition("//")[2]})
    client.force_login(admin, settings.AUTHENTICATION_BACKENDS[0])
    found = {}
    for page in PAGES:
        path = "/console/" + page.replace("PERSON", str(somebody.pk))
        times = []
        for _ in range(SEEN):
            began = time.perf_counter()
            answer = client.get(path)
            times.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise RuntimeError(f"{path}: {answer.status_code}")
        found[page] = statistics.median(times)
    worst = max(found, key=lambda page: found[page])
    print(f"slowest: {worst}", *(f"{p} {t:.0f}" for p, t in found.items()), file=sys.stderr)
    return found[worst]
