"""Fixtures of the controls: what real servers looked like, abridged to what a control looks at.

`snapshots/CONTROL/NAME.json` is a JSON merge patch (RFC 7386) on `bookworm-untouched.json`, a whole
snapshot of a fresh Debian 12: an object holds what differs, null what is absent. It is judged for
the host that its `hostname` names, by the site of `NAME.toml` beside it or, if there is none, of
`snapshots/holdfast.toml`.

To record: python tests/servers/recorded.py SNAPSHOT.json ...
For each control, the first snapshot in which it has a gap becomes its gap.json and the first in
which it passes its clean.json; a fixture that is there already stays as it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

from holdfast.servers.audit import Finding, Status, judge
from holdfast.servers.catalogue import all_controls
from holdfast.servers.control import Control
from holdfast.servers.snapshot import read_snapshot
from holdfast.site import load_site

FOLDER = Path(__file__).parent / "snapshots"
BASE = "bookworm-untouched.json"
SITE = "holdfast.toml"
OPERATOR = "admin"
TODAY = date(2026, 1, 1)
NAMES = {Status.GAP: "gap", Status.PASS: "clean"}


def fixtures(folder: Path = FOLDER) -> Iterator[Path]:
    """Yield every fixture of every control."""
    yield from sorted(folder.glob("*/*.json"))


def judged(control: Control, fixture: Path) -> Finding:
    """Return what the control says of a fixture."""
    folder = fixture.parent.parent
    own = fixture.with_suffix(".toml")
    base = json.loads((folder / BASE).read_text())
    patch = json.loads(fixture.read_text())
    return _judged(control, patched(base, patch), own if own.exists() else folder / SITE)


def _judged(control: Control, data: Any, site_file: Path) -> Finding:
    site = load_site(site_file).run_by(OPERATOR)
    snapshot = read_snapshot(json.dumps(data))
    host = site.hosts[snapshot.hostname]
    everyone = {**dict.fromkeys(site.hosts, snapshot), host.name: snapshot}
    (finding,) = judge(host, everyone, site, [control], TODAY)
    return finding


def patched(base: Any, patch: Any) -> Any:
    """Return the base after a merge patch."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = patched(merged.get(key), value)
    return merged


def difference(base: Any, other: Any) -> Any:
    """Return the merge patch that makes the other of the base."""
    if not (isinstance(base, dict) and isinstance(other, dict)):
        return other
    gone = dict.fromkeys(key for key in base if key not in other)
    changed = {
        key: difference(base.get(key), value)
        for key, value in other.items()
        if key not in base or base[key] != value
    }
    return {**gone, **changed}


def abridged(patch: Any, still_shows: Callable[[Any], bool]) -> Any:
    """Return the patch without whatever does not matter to what it shows."""
    kept = deepcopy(patch)
    _abridge(kept, kept, still_shows)
    return kept


def _abridge(part: Any, whole: Any, still_shows: Callable[[Any], bool]) -> None:
    for key in list(part) if isinstance(part, dict) else reversed(range(len(part))):
        value = part.pop(key)
        if still_shows(whole):
            continue
        if isinstance(part, dict):
            part[key] = value
        else:
            part.insert(key, value)
        if isinstance(value, dict | list):
            _abridge(value, whole, still_shows)


def record(paths: Iterable[Path], folder: Path = FOLDER) -> Iterator[Path]:
    """Write the fixtures that are missing and that these snapshots can show; yield them."""
    base = json.loads((folder / BASE).read_text())
    seen = [json.loads(path.read_text()) for path in paths]
    for control in all_controls():
        for data in seen:
            shown = _verdict(control, data, folder)
            status = shown[0]
            place = folder / control.id / f"{NAMES.get(status, '')}.json"
            if status not in NAMES or place.exists():
                continue
            whole = {key: data[key] for key in data if key in base}
            patch = difference(base, whole)

            def still_shows(patch: Any, control: Control = control, shown: Any = shown) -> bool:
                try:
                    return bool(_verdict(control, patched(base, patch), folder) == shown)
                except Exception:  # a snapshot with a part missing may break anything
                    return False

            place.parent.mkdir(exist_ok=True)
            short = abridged(patch, still_shows)
            place.write_text(json.dumps({"hostname": data["hostname"], **short}, indent=1) + "\n")
            yield place


def _verdict(control: Control, data: Any, folder: Path) -> tuple[Status, Any]:
    finding = _judged(control, data, folder / SITE)
    return finding.status, finding.gaps


if __name__ == "__main__":
    for written in record(map(Path, sys.argv[1:])):
        print(written)
