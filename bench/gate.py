"""A day of attacks on the real gate, and on a lockout: what they get, and whether owners get in."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.attacks import lockout
from bench.attacks.cases import ACCOUNTS, ADDRESSES, POWERS, Outcome, Target, cases, simulated
from bench.attacks.owners import ELSEWHERE_WITHIN_S, KNOWN_WITHIN_S, Arrivals
from bench.attacks.picture import picture
from bench.attacks.world import PARTS
from bench.figures import Better, Figure, Peer
from bench.running import Report

PICTURE = Path(__file__).parent.parent / "docs" / "attacks.svg"
KNOWN_GOAL, ELSEWHERE_GOAL = 99.9, 99.0
PEER = "5 failures lock for 15 min"


def measure(report: Report) -> list[Figure]:
    """Simulate every attack, print what came of each, and draw it."""
    report("simulating a day of each attack")
    with ProcessPoolExecutor(min(2, len(os.sched_getaffinity(0)))) as pool:
        outcomes = list(pool.map(simulated, cases()[::-1]))[::-1]  # the longest are not the last
    locked = lockout.day(1)
    for line in lines(outcomes, locked):
        report(line)
    PICTURE.write_text(picture(outcomes, locked), encoding="utf-8")
    report(f"drawn: {PICTURE}")
    return figures(outcomes, locked)


def lines(outcomes: list[Outcome], locked: tuple[int, Arrivals]) -> list[str]:
    """Return the table: what each attacker got and paid, and how owners fared."""
    rows: list[tuple[str, ...]] = [
        ("attack on", "addresses", "power", "guesses/day", "core hours", "known", "elsewhere")
    ]
    for one in outcomes:
        case = one.case
        power = f"{case.power:,}×{' patient' if case.patient else ''}"
        known = f"{one.known.share(KNOWN_WITHIN_S):.2f} %" if one.known.took_s else "-"
        elsewhere = f"{one.elsewhere.share(ELSEWHERE_WITHIN_S):.2f} %"
        got = (f"{one.guesses:,}", f"{one.core_hours:.3g}")
        rows.append((str(case.target), f"{case.addresses:,}", power, *got, known, elsewhere))
    guesses, owners = locked
    shares = [f"{owners.share(one):.2f} %" for one in (KNOWN_WITHIN_S, ELSEWHERE_WITHIN_S)]
    rows.append(("one account, with a lockout", "any", "any", f"{guesses:,}", "0", *shares))
    total = f"{guesses * ACCOUNTS:,}"
    rows.append(("10,000 accounts, with a lockout", "any", "any", total, "0", *shares))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def figures(outcomes: list[Outcome], locked: tuple[int, Arrivals]) -> list[Figure]:
    """Return what is asked of the worst attack, beside a lockout."""
    guesses, owners = locked
    far = [one for one in outcomes if one.case.target in (Target.ONE, Target.MANY, Target.SIGN_UP)]
    near = {one.case.target: one for one in outcomes}
    one_account = [one.guesses for one in far if one.case.target is Target.ONE]
    strongest = next(
        one
        for one in far
        if (one.case.target, one.case.addresses, one.case.power)
        == (Target.MANY, ADDRESSES[-1], POWERS[-1])
    )
    higher = Better.HIGHER
    return [
        Figure(
            "owners in within 5 s on a known device, worst attack",
            "%",
            _worst([one.known for one in outcomes if one.known.took_s], KNOWN_WITHIN_S),
            Peer(PEER, _shares(owners, KNOWN_WITHIN_S)),
            limit=KNOWN_GOAL,
            better=higher,
        ),
        Figure(
            "owners in within 60 s elsewhere, worst attack from other networks",
            "%",
            _worst([one.elsewhere for one in far], ELSEWHERE_WITHIN_S),
            Peer(PEER, _shares(owners, ELSEWHERE_WITHIN_S)),
            limit=ELSEWHERE_GOAL,
            better=higher,
        ),
        Figure(
            "and in the network that the attacker is in",
            "%",
            _shares(near[Target.NEIGHBOURS].elsewhere, ELSEWHERE_WITHIN_S),
            limit=ELSEWHERE_GOAL,
            better=higher,
        ),
        Figure(
            "kept out there where its mailed codes are used up too",
            "%",
            tuple(
                100 - one for one in _shares(near[Target.CODES_TOO].elsewhere, ELSEWHERE_WITHIN_S)
            ),
        ),
        Figure(
            "guesses a day at one account, nine attackers",
            "guesses",
            tuple(map(float, one_account)),
            Peer(PEER, (float(guesses),) * len(one_account)),
        ),
        Figure(
            "guesses a day at 10,000 accounts, strongest, in the long run",
            "guesses",
            tuple(float(many * PARTS) for many in strongest.by_part),
            Peer(PEER, (float(guesses * ACCOUNTS),) * PARTS),
        ),
        Figure(
            "what they cost it a day",
            "core hours",
            tuple(
                strongest.core_hours * many / strongest.guesses * PARTS
                for many in strongest.by_part
            ),
            better=higher,
        ),
    ]


def _worst(arrivals: list[Arrivals], within_s: float) -> tuple[float, ...]:
    return _shares(min(arrivals, key=lambda one: one.share(within_s)), within_s)


def _shares(arrivals: Arrivals, within_s: float) -> tuple[float, ...]:
    return tuple(one.share(within_s) for one in arrivals.slices(PARTS))
