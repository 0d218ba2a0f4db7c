"""What was seen and done, kept in `.holdfast/` (0700) beside the site file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from holdfast.servers.snapshot import Snapshot

KEPT = 500  # files of each kind; the oldest go first


class History:
    """The history of one site: runs by time and verb, snapshots by host and time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / ".holdfast"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    def keep_run(self, verb: str, at: datetime, data: Mapping[str, Any]) -> Path:
        """Keep what a verb found or did, as JSON."""
        text = json.dumps(data, indent=1, ensure_ascii=True)
        return self._keep(self.folder / "runs", f"{_stamp(at)}-{verb}.json", text)

    def keep_snapshot(self, host: str, at: datetime, snapshot: Snapshot) -> Path:
        """Keep a snapshot; `holdfast audit --from FILE` judges it again."""
        folder = self.folder / "snapshots" / host
        return self._keep(folder, f"{_stamp(at)}.json", snapshot.model_dump_json(indent=1))

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


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S.%f}"
