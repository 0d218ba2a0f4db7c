"""The catalogue of controls: whatever `Control` stands in a module of `controls/`."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache

from holdfast.servers import controls
from holdfast.servers.control import Control

NEAR = 0.6  # of difflib's ratio: what a person would take for a misspelling
LONGEST_COMPARED = 80  # characters; comparing costs their square


@cache
def all_controls() -> tuple[Control, ...]:
    """Return every control, sorted by id. A new file in `controls/` is found by itself."""
    found = {
        control.id: control
        for module in pkgutil.iter_modules(controls.__path__)
        for control in vars(importlib.import_module(f"{controls.__name__}.{module.name}")).values()
        if isinstance(control, Control)
    }
    return tuple(found[name] for name in sorted(found))


def host_controls() -> tuple[Control, ...]:
    """Return those that a host has or lacks: all but what only shows on applications."""
    return tuple(control for control in all_controls() if not control.of_applications)


def nearest(word: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return the ids that this was probably meant to be, the nearest first.

    Family and name are compared each on its own: `tls.modern` is no misspelling of `ssh.modern`.
    A word without a dot may be a name or a family.
    """
    nearness = {control_id: _nearness(word[:LONGEST_COMPARED], control_id) for control_id in known}
    near = [control_id for control_id, ratio in nearness.items() if ratio >= NEAR]
    return tuple(sorted(near, key=lambda control_id: (-nearness[control_id], control_id)))[:3]


def _nearness(word: str, control_id: str) -> float:
    family, _, name = control_id.partition(".")
    if "." not in word:
        return max(_ratio(word, part) for part in (control_id, family, name))
    own_family, _, own_name = word.partition(".")
    return min(_ratio(own_family, family), _ratio(own_name, name))


def _ratio(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
