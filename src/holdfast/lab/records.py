"""What the lab remembers on disk, so that another process can find and end what one began."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from holdfast.lab.errors import LabError

DEFAULT_FOLDER = "/var/lib/holdfast-lab"


def folder() -> Path:
    """Where bases, packages and labs are kept."""
    return Path(os.environ.get("HOLDFAST_LAB_DIR", DEFAULT_FOLDER))


def lab_folder(name: str) -> Path:
    """Where one lab keeps everything it has."""
    return folder() / "labs" / name


def make_folder(path: Path, mode: int = 0o755) -> Path:
    """Create a folder with exactly this mode, whatever the umask; an existing one gets the mode."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Put `text` in place as a whole, never readable by others before it has its mode."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    partial.chmod(mode)
    partial.rename(path)


@dataclass(frozen=True)
class HostRecord:
    """One host of a lab, as it was asked for."""

    name: str
    release: str
    roles: tuple[str, ...]
    number: int
    """The last part of its addresses."""


@dataclass(frozen=True)
class LabRecord:
    """All that `down` needs to know; written before the first thing is started."""

    name: str
    slot: int
    site: str
    groups: tuple[str, ...]
    """The control groups that every process of this lab lives in, one per hierarchy."""
    hosts: tuple[HostRecord, ...]

    def write(self) -> None:
        """Keep it in the lab's folder."""
        text = json.dumps(asdict(self), indent=2) + "\n"
        write_private(lab_folder(self.name) / "lab.json", text)

    @staticmethod
    def read(name: str) -> "LabRecord | None":
        """What is kept about the lab `name`; None where nothing is."""
        path = lab_folder(name) / "lab.json"
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            return LabRecord(
                name=str(kept["name"]),
                slot=int(kept["slot"]),
                site=str(kept["site"]),
                groups=tuple(kept["groups"]),
                hosts=tuple(
                    HostRecord(h["name"], h["release"], tuple(h["roles"]), int(h["number"]))
                    for h in kept["hosts"]
                ),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise LabError(
                f"{path} cannot be read ({error}): end what the lab runs, then remove its folder"
            ) from error
