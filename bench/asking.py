"""`python -m bench.asking PEOPLE TURNS OPTION…`: looks for people in the database of a service.

Prints one line of JSON: the 95th percentile of each turn, what an entry of the trail adds to a
transaction that writes anyway, as a sign-in does, and the slowest page of the console.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Sequence

from bench import pages
from holdfast.accounts import starting
from holdfast.cli.accounts import add_service, configuration_from

ASKED = 200
ADDED = 300


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("people", type=int)
    parser.add_argument("turns", type=int)
    add_service(parser)
    arguments = parser.parse_args(argv)
    starting.start(configuration_from(arguments))
    starting.migrate()
    chance = random.Random(2)  # noqa: S311
    p95 = [_p95(chance, arguments.people) for _ in range(arguments.turns + 1)]
    append = [_append() for _ in range(arguments.turns + 1)]
    pages.fill(arguments.people)
    seen = [pages.slowest() for _ in range(arguments.turns + 1)]
    print(json.dumps({"p95_ms": p95[1:], "append_ms": append[1:], "page_ms": seen[1:]}))
    return 0


def _asked(chance: random.Random, people: int) -> str:
    """What somebody types: parts of names and addresses; what everybody has, what nobody has."""
    number = chance.randrange(people)
    syllable = chance.choice("bcdfghklmnprst") + chance.choice("aeiou")
    return chance.choice(
        [
            *(f"{number}@exam", f"a{number}", f"{syllable}{chance.choice('lmn')}", f"{syllable}ra"),
            *("example", "franz", "lena ba", f"{syllable}ko", "@example7.org", "nobody at all"),
            *(syllable[:1], f"u{number}", f"anna.{syllable}", "org"),
        ]
    )


def _p95(chance: random.Random, people: int) -> float:
    from holdfast.accounts.search.find import Wanted, find

    times = []
    for _ in range(ASKED):
        text = _asked(chance, people)
        began = time.perf_counter()
        page = find(Wanted(text))
        if page.cursor and chance.random() < 0.3:
            find(Wanted(text, cursor=page.cursor))
        times.append((time.perf_counter() - began) * 1000)
    return statistics.quantiles(times, n=20)[-1]


def _append() -> float:
    from django.db import transaction

    from holdfast.accounts.people.models import Person
    from holdfast.accounts.trail import store
    from holdfast.trail.entry import Entry

    somebody = Person.objects.order_by("created")[0]
    entry = Entry("sign-in.good", who="0" * 36, where="198.51.100.7", details={"by": "password"})
    without: list[float] = []
    along: list[float] = []
    for _ in range(ADDED):
        for times, adds in ((without, False), (along, True)):
            began = time.perf_counter()
            with transaction.atomic():
                somebody.save(update_fields=["last_login"])
                if adds:
                    store.append(entry)
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(along) - statistics.median(without)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
