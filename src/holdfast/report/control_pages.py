"""`docs/controls/` and the second half of `docs/deviations.md`, from what the controls say.

To write them anew: python -m holdfast.report.control_pages docs
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from holdfast.report import explained
from holdfast.servers.catalogue import all_controls
from holdfast.servers.control import Control

FOLDER = "controls"
DEVIATIONS = "deviations.md"
MARK = "<!-- What follows is written by `make docs` from the controls. -->"
WRITTEN = "<!-- Written by `make docs` from the control. -->"


def pages(controls: Sequence[Control]) -> Mapping[str, str]:
    """Return the pages of `controls/` by their names."""
    named = {f"{control.id}.md": _page(control) for control in controls}
    return {"README.md": _index(controls), **named}


def deviations(by_hand: str, controls: Sequence[Control]) -> str:
    """Return the page of deviations: what stands above the mark stays, the rest is written."""
    kept, _, _ = by_hand.partition(MARK)
    parts = [
        f"### [{control.id}]({FOLDER}/{control.id}.md) ({control.source})\n\n{control.deviates}\n"
        for control in controls
        if control.deviates
    ]
    head = "## Control by control\n\nThe source of each stands beside its name.\n"
    return "\n".join([f"{kept.rstrip()}\n\n{MARK}\n", head, *parts])


def write(docs: Path, controls: Sequence[Control]) -> None:
    """Write every page below this folder, and remove those of controls that are gone."""
    folder = docs / FOLDER
    folder.mkdir(exist_ok=True)
    wanted = pages(controls)
    for stale in set(folder.glob("*.md")) - {folder / name for name in wanted}:
        stale.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")
    page = docs / DEVIATIONS
    page.write_text(deviations(page.read_text(encoding="utf-8"), controls), encoding="utf-8")


def _page(control: Control) -> str:
    return f"# {control.id}\n\n{explained.markdown(control)}\n\n{WRITTEN}\n"


def _index(controls: Sequence[Control]) -> str:
    about = "What Holdfast wants of a host, by principle; `holdfast explain` says the same."
    parts = [f"# The controls\n\n{about}\n"]
    for principle, group in explained.by_principle(controls).items():
        rows = [
            (f"[{c.id}]({c.id}.md)", c.title, c.severity, c.source, str(len(explained.attacks(c))))
            for c in group
        ]
        table = explained.table(("control", "what it wants", "severity", "source", "attacks"), rows)
        parts.append(f"## {explained.sentence(principle).rstrip('.')}\n\n{table}\n")
    return "\n".join([*parts, WRITTEN, ""])


if __name__ == "__main__":
    write(Path(sys.argv[1]), all_controls())
