"""The picture of the attacks: who gets in, and how many guesses there are, as SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from bench.attacks.cases import ACCOUNTS, ADDRESSES, Outcome, Target
from bench.attacks.owners import ELSEWHERE_WITHIN_S, KNOWN_WITHIN_S, Arrivals

WIDTH, LEFT, RIGHT, ROW, BAR = 860, 330, 90, 24, 15
GATE, LOCKOUT, INK = "#0b7a75", "#b3502b", "#24292f"
MOST_GUESSES = 1e7


@dataclass(frozen=True)
class Bar:
    """One bar: what it is called, how long it is (0 to 1), what stands at its end, its colour."""

    name: str
    length: float
    value: str
    colour: str = GATE


def picture(outcomes: list[Outcome], locked: tuple[int, Arrivals]) -> str:
    """Draw the worst that came of each kind of attack, beside a lockout."""
    guesses, owners = locked
    groups = [
        ("An owner gets in, on a known device, within 5 s", _known(outcomes, owners)),
        ("An owner gets in, on any other device, within 60 s", _elsewhere(outcomes, owners)),
        ("Guesses a day at one account (logarithmic)", _one(outcomes, guesses)),
        (
            "Guesses a day at 10,000 accounts, and what they cost (logarithmic)",
            _many(outcomes, guesses),
        ),
    ]
    drawn, y = [], 64
    for title, bars in groups:
        drawn.append(_text(24, y, title, weight=600))
        y += 14
        for bar in bars:
            drawn += _bar(bar, y)
            y += ROW
        y += 34
    legend = [*_key(24, GATE, "the gate"), *_key(120, LOCKOUT, "5 failures lock for 15 minutes")]
    height = y - 10
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13" role="img">'
    )
    told = "<title>A day under attack: the gate beside a lockout</title>"
    ground = f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, told, ground, *legend, *drawn, "</svg>", ""])


def _known(outcomes: list[Outcome], owners: Arrivals) -> list[Bar]:
    worst = min(one.known.share(KNOWN_WITHIN_S) for one in outcomes if one.known.took_s)
    return [
        _share("whatever is attacked, from wherever", worst),
        _share("their account is attacked", owners.share(KNOWN_WITHIN_S), LOCKOUT),
    ]


def _elsewhere(outcomes: list[Outcome], owners: Arrivals) -> list[Bar]:
    def worst(target: Target) -> float:
        found = [one.elsewhere for one in outcomes if one.case.target is target]
        return min(one.share(ELSEWHERE_WITHIN_S) for one in found)

    return [
        _share("their account is attacked", worst(Target.ONE)),
        _share("10,000 accounts are attacked", worst(Target.MANY)),
        _share("the attacker shares their network", worst(Target.NEIGHBOURS)),
        _share("… and uses up its mailed codes; no passkey", worst(Target.CODES_TOO)),
        _share("their account is attacked", owners.share(ELSEWHERE_WITHIN_S), LOCKOUT),
    ]


def _one(outcomes: list[Outcome], guesses: int) -> list[Bar]:
    most = max((one for one in outcomes if one.case.target is Target.ONE), key=_guesses)
    name = "1 to 10,000 addresses, any power"
    return [_count(name, most.guesses, ""), _count("from anywhere", guesses, "", LOCKOUT)]


def _many(outcomes: list[Outcome], guesses: int) -> list[Bar]:
    bars = []
    for addresses in ADDRESSES:
        found = [
            one
            for one in outcomes
            if one.case.target is Target.MANY and one.case.addresses == addresses
        ]
        for power in sorted({one.case.power for one in found}):
            most = max((one for one in found if one.case.power == power), key=_guesses)
            who = f"{addresses:,} address{'es' if addresses > 1 else ''}"
            whose = f"{power:,} telephones'" if power > 1 else "one telephone's"
            paid = f", {most.core_hours:.2g} core hours" if most.hashes else ", nothing"
            bars.append(_count(f"{who}, {whose} power", most.guesses, paid))
    return [*bars, _count("from anywhere", guesses * ACCOUNTS, ", nothing", LOCKOUT)]


def _guesses(outcome: Outcome) -> int:
    return outcome.guesses


def _share(name: str, percent: float, colour: str = GATE) -> Bar:
    return Bar(name, percent / 100, f"{percent:.3g} %", colour)


def _count(name: str, guesses: int, paid: str, colour: str = GATE) -> Bar:
    length = math.log10(max(guesses, 1)) / math.log10(MOST_GUESSES)
    return Bar(name, length, f"{guesses:,}{paid}", colour)


def _bar(bar: Bar, y: int) -> list[str]:
    room = WIDTH - LEFT - RIGHT - 110
    long = max(bar.length * room, 2)
    middle = y + BAR - 3
    return [
        _text(LEFT - 12, middle, bar.name, anchor="end"),
        f'<rect x="{LEFT}" y="{y}" width="{room}" height="{BAR}" fill="#f0f2f4"/>',
        f'<rect x="{LEFT}" y="{y}" width="{long:.1f}" height="{BAR}" fill="{bar.colour}"/>',
        _text(LEFT + room + 10, middle, bar.value),
    ]


def _key(x: int, colour: str, name: str) -> list[str]:
    return [
        f'<rect x="{x}" y="20" width="12" height="12" fill="{colour}"/>',
        _text(x + 18, 31, name),
    ]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: int = 400) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-weight="{weight}" fill="{INK}">'
        f"{escape(text)}</text>"
    )
