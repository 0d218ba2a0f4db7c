"""What a control says about itself, as a person or a program reads it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from holdfast.report.paint import Paint
from holdfast.servers.applications.attack import AppAttack
from holdfast.servers.attack import Attack, Kind
from holdfast.servers.control import Control, Principle
from holdfast.site import Role

WIDTH = 88  # columns of a paragraph in a terminal
SOME_DAY = date(2027, 3, 1)  # until when a sample exception counts, in texts that are kept
KINDS = {
    Kind.SAFE: "safe, runs by default",
    Kind.DISRUPTIVE: "disruptive, runs with --disruptive",
    Kind.LAB: "lab, for throw-away servers only",
}


ANYWHERE = "outside, or its host with --inside"
TO_SEE_IT = (
    "holdfast prove --app NAME, with throw-away people in [apps.NAME.trial]: docs/prove-app.md"
)


def by_principle(controls: Sequence[Control]) -> dict[Principle, list[Control]]:
    """Return the controls under their principles, in the guide's order, empty ones left out."""
    groups = {
        principle: [c for c in controls if c.principle is principle] for principle in Principle
    }
    return {principle: group for principle, group in groups.items() if group}


def sentence(text: str) -> str:
    """Return a text that begins with a capital letter and ends with a full stop."""
    whole = text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "!", "?")) else f"{whole}."


def roles(control: Control) -> str:
    """Return the roles that a control is for, in words."""
    if control.of_applications:
        return "every application"
    if control.roles == frozenset(Role):
        return "every host"
    return "hosts with the role " + " or ".join(sorted(control.roles))


def exception(control: Control, until: date = SOME_DAY) -> str:
    """Return the lines of a site file that go without the control; a person fills them in.

    A table of its own: it can stand at the end of any site file, with other exceptions or without.
    """
    return (
        f'[exceptions."{control.id}"]\n'
        'hosts = ["NAME"]  # without this line: every host\n'
        'because = "WHY"\n'
        f"until = {until}"
    )


def index_lines(controls: Sequence[Control], paint: Paint) -> Iterator[str]:
    """Yield one line per control, under its principle."""
    for principle, group in by_principle(controls).items():
        yield paint("bold", principle)
        for control in group:
            yield f"  {paint('green', f'{control.id:<24}')} {paint('dim', control.title)}"
        yield ""
    yield "one of them in full: holdfast explain CONTROL"


def lines(control: Control, paint: Paint, until: date) -> Iterator[str]:
    """Yield everything about one control."""
    yield f"{paint('green', control.id)}  {paint('bold', control.title)}"
    facts = (control.principle, f"severity {control.severity}", control.source, roles(control))
    yield paint("dim", " · ".join(facts))
    parts = {
        "Without it": sentence(control.stops),
        "What to change" if control.of_applications else "What apply changes": control.changes,
        "Where it deviates from its source": control.deviates,
    }
    for head, text in parts.items():
        if text:
            yield from ("", paint("bold", head), *_paragraph(text))
    yield from ("", paint("bold", "Attacks that must fail"))
    for attack in attacks(control):
        yield f"  {control.id}/{attack.name}"
        yield paint("dim", f"    {attack.title}, from {_vantage(attack)}; {_how(attack)}")
    if not attacks(control):
        yield paint("dim", "  none: it shows in what is read, not in what can be tried")
    if control.of_applications:
        yield from ("", paint("bold", "To see it"), f"  {TO_SEE_IT}")
        return
    yield from ("", paint("bold", "To go without it, in the site file; every report shows it"))
    yield from (f"  {line}" for line in exception(control, until).splitlines())


def attacks(control: Control) -> tuple[Attack | AppAttack, ...]:
    """Return every attack of a control: on hosts, then on applications."""
    return (*control.attacks, *control.app_attacks)


def _paragraph(text: str) -> list[str]:
    indent = "  "
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _vantage(attack: Attack | AppAttack) -> str:
    return ANYWHERE if isinstance(attack, AppAttack) else attack.vantage


def _how(attack: Attack | AppAttack) -> str:
    if isinstance(attack, AppAttack):
        needs = ", ".join(sorted(attack.needs))
        return f"{KINDS[attack.kind]}; needs {needs} of the trial" if needs else KINDS[attack.kind]
    if attack.roles == frozenset(Role):
        return KINDS[attack.kind]
    return f"{KINDS[attack.kind]}; on {', '.join(sorted(attack.roles))} hosts"


def as_data(control: Control, until: date) -> dict[str, Any]:
    """Return everything about one control, for programs."""
    return {
        "control": control.id,
        "title": control.title,
        "principle": control.principle.value,
        "severity": control.severity.value,
        "source": control.source,
        "roles": [] if control.of_applications else sorted(control.roles),
        "stops": control.stops,
        "changes": control.changes,
        "deviates": control.deviates,
        "attacks": [
            {
                "attack": f"{control.id}/{attack.name}",
                "title": attack.title,
                "vantage": _vantage(attack),
                "kind": attack.kind.value,
                "roles": [] if isinstance(attack, AppAttack) else sorted(attack.roles),
            }
            for attack in attacks(control)
        ],
        "exception": "" if control.of_applications else exception(control, until),
    }


def markdown(control: Control) -> str:
    """Return everything about one control below its heading, as Markdown."""
    facts = (control.principle, control.severity, control.source, roles(control))
    parts = [
        f"{control.title}.",
        table(("principle", "severity", "source", "for"), [facts]),
        f"## Without it\n\n{sentence(control.stops)}",
        f"## {_changes_heading(control)}\n\n{control.changes}",
    ]
    if control.deviates:
        parts.append(f"## Where it deviates from its source\n\n{control.deviates}")
    if found := attacks(control):
        rows = [
            (f"`{control.id}/{attack.name}`", attack.title, _vantage(attack), _how(attack))
            for attack in found
        ]
        listed = table(("attack", "what it tries", "from", "kind"), rows)
        parts.append(f"## Attacks that must fail\n\n{listed}")
    if control.of_applications:
        return "\n\n".join([*parts, f"## To see it\n\n{TO_SEE_IT}"])
    parts.append(
        "## To go without it\n\nIn the site file, where every report shows it:\n\n"
        f"```toml\n{exception(control)}\n```"
    )
    return "\n\n".join(parts)


def _changes_heading(control: Control) -> str:
    return "What to change" if control.of_applications else "What `holdfast apply` changes"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
