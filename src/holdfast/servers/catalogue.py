"""The catalogue of controls: whatever `Control` stands in a module of `controls/`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from holdfast.servers import controls
from holdfast.servers.control import Control


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
