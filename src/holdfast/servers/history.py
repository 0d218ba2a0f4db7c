"""What was seen and done, kept in `.holdfast/` (0700) beside the site file."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from holdfast.servers.snapshot import Snapshot
from holdfast.trail.entry import Entry
from holdfast.trail.folder import Folder

KEPT = 500  # files of each kind; the oldest go first
_NAME = re.compile(r"(\d{8}T\d{6}\.\d{6})(?:-([a-z]{1,20}))?\.json", re.ASCII)


class NotKept(Exception):
    """A file of the history cannot be read; the message says which and why."""


@dataclass(frozen=True, order=True)
class Kept:
    """One file of the history. `verb` is "" for a snapshot."""

    at: datetime
    verb: str
    path: Path

    def read(self, most: int) -> bytes:
        """Return its content. Raises NotKept for more than `most` bytes and for what is no file."""
        try:
            # Neither a link nor a pipe that somebody put there is followed or waited for.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            with os.fdopen(os.open(self.path, flags), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise NotKept(f"{self.path} is not a file")
                data = file.read(most + 1)
        except OSError as error:
            raise NotKept(f"{self.path}: {error.strerror}") from error
        if len(data) > most:
            raise NotKept(f"{self.path} is larger than {most} bytes")
        return data


class History:
    """The history of one site: runs by time and verb, snapshots by host and time."""

    def __init__(self, folder: Path, name: str = "site", operator: str | None = None) -> None:
        self.folder = folder / ".holdfast"
        self.name, self.operator = name, operator

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    def keep_run(self, verb: str, at: datetime, data: Mapping[str, Any]) -> Path:
        """Keep what a verb found or did, as JSON."""
        text = json.dumps(data, indent=1, ensure_ascii=True)
        path = self._keep(self.folder / "runs", f"{_stamp(at)}-{verb}.json", text)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        details = {"file": path.name, "sha256": digest}
        who = f"admin:{self.operator}" if self.operator else ""
        self.trail().append(Entry(f"hosts.{verb}", who=who, on=self.name, details=details))
        return path

    def trail(self) -> Folder:
        """Return the trail that says what was run, and holds the digest of what was kept of it.

        Raises TrailError, OSError.
        """
        return Folder(self.folder / "trail", f"holdfast/{self.name}")

    def keep_snapshot(self, host: str, at: datetime, snapshot: Snapshot) -> Path:
        """Keep a snapshot; `holdfast audit --from FILE` judges it again."""
        folder = self.folder / "snapshots" / host
        return self._keep(folder, f"{_stamp(at)}.json", snapshot.model_dump_json(indent=1))

    def runs(self) -> list[Kept]:
        """Return the runs that were kept, the oldest first."""
        return [kept for kept in _listed(self.folder / "runs") if kept.verb]

    def snapshots(self, host: str) -> list[Kept]:
        """Return the snapshots of one host that were kept, the oldest first."""
        return [kept for kept in _listed(self.folder / "snapshots" / host) if not kept.verb]

    def _keep(self, folder: Path, name: str, text: str) -> Path:
        inside = self.folder
        inside.mkdir(mode=0o700, exist_ok=True)
        for part in folder.relative_to(self.folder).parts:
            inside /= part
            inside.mkdir(mode=0o700, exist_ok=True)
        path = folder / name
        draft = path.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text + "\n")
        draft.rename(path)
        for old in sorted(folder.glob("*.json"))[:-KEPT]:
            old.unlink()
        return path


def _listed(folder: Path) -> list[Kept]:
    """Return what is named as this module names files, at most the newest `KEPT`."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    found = []
    for matched in filter(None, map(_NAME.fullmatch, sorted(names))):
        try:
            at = datetime.strptime(matched[1], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
        except ValueError:  # fourteen digits that are no time
            continue
        found.append(Kept(at, matched[2] or "", folder / matched[0]))
    return found[-KEPT:]


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S.%f}"
