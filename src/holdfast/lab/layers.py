"""The files of a host: layers that are shared or frozen, and one on top that it writes to.

With overlayfs a snapshot copies only what the host has written, and a reset copies nothing: it puts
an empty layer on top of the snapshot. Where overlayfs cannot be used, both copy the whole tree.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from holdfast.lab.commands import attempt, perform
from holdfast.lab.errors import LabError
from holdfast.lab.mounts import mount_overlay, unmount_below
from holdfast.lab.records import make_folder, write_private

_MOST_LAYERS = 40


@dataclass(frozen=True)
class Stack:
    """What a host's files are made of now; kept in `files.json`."""

    overlay: bool
    lower: tuple[str, ...]
    """Layers that nobody writes to, topmost first."""
    top: int
    """The number of the layer that the host writes to."""
    latest: int
    """The highest layer number ever used."""
    snapshots: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Files:
    """The file state of one host, below `place`; the host runs from `root`."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.root = place / "root"

    def create(self, lower: Sequence[Path], *, overlay: bool) -> None:
        """Lay the host's first, empty layer over `lower` (topmost first), or copy it."""
        stack = Stack(overlay, tuple(map(str, lower)), 0, 0)
        make_folder(self.root)
        self._mount(stack)
        self._keep(stack)

    def snapshot(self, name: str) -> None:
        """Keep the files as they are now under `name`; nobody may write meanwhile."""
        stack = self._stack()
        number = stack.latest + 1
        source = self._layer(stack.top) if stack.overlay else self.root
        _copy(source, self._layer(number))
        lower = (str(self._layer(number)), *(stack.lower if stack.overlay else ()))
        if len(lower) > _MOST_LAYERS:
            raise LabError(
                f"{self.place.name} has {_MOST_LAYERS} snapshots upon snapshots: "
                "reset it to an early one first"
            )
        kept = {**stack.snapshots, name: lower}
        self._keep(replace(stack, latest=number, snapshots=kept))

    def reset(self, name: str) -> None:
        """Go back to the snapshot `name`; the host must not be running."""
        self.known(name)
        stack = self._stack()
        unmount_below(self.root)
        number = stack.latest + 1
        fresh = replace(stack, lower=stack.snapshots[name], top=number, latest=number)
        self._mount(fresh)
        self._keep(fresh)
        self._forget_unused(fresh)

    def known(self, name: str) -> None:
        """Raise LabError unless there is a snapshot `name`."""
        snapshots = self._stack().snapshots
        if name not in snapshots:
            having = ", ".join(sorted(snapshots)) or "none"
            raise LabError(f"{self.place.name} has no snapshot {name!r}; it has: {having}")

    def _mount(self, stack: Stack) -> None:
        if stack.overlay:
            mount_overlay(
                stack.lower,
                make_folder(self._layer(stack.top)),
                make_folder(self.place / "work" / str(stack.top)),
                self.root,
            )
        else:
            remove_tree(self.root)
            _copy(Path(stack.lower[0]), self.root)

    def _forget_unused(self, stack: Stack) -> None:
        used = {str(self._layer(stack.top)), *stack.lower}
        for lower in stack.snapshots.values():
            used.update(lower)
        for layer in (self.place / "layers").iterdir():
            if str(layer) not in used:
                remove_tree(layer)
        for work in (self.place / "work").glob("*"):
            if work.name != str(stack.top):
                remove_tree(work)

    def _layer(self, number: int) -> Path:
        return self.place / "layers" / str(number)

    def _keep(self, stack: Stack) -> None:
        write_private(self.place / "files.json", json.dumps(asdict(stack)) + "\n")

    def _stack(self) -> Stack:
        try:
            kept = json.loads((self.place / "files.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise LabError(f"{self.place.name} has no files: take the lab down, then up") from error
        return Stack(
            overlay=bool(kept["overlay"]),
            lower=tuple(kept["lower"]),
            top=int(kept["top"]),
            latest=int(kept["latest"]),
            snapshots={name: tuple(lower) for name, lower in kept["snapshots"].items()},
        )


def overlay_works(place: Path) -> bool:
    """Whether overlayfs can be mounted over folders at `place`; tried there, not guessed."""
    trial = place / "trial"
    paths = [make_folder(trial / name) for name in ("lower", "upper", "work", "root")]
    try:
        mount_overlay([str(paths[0])], paths[1], paths[2], paths[3])
    except LabError:
        return False
    finally:
        unmount_below(trial)
        remove_tree(trial)
    return True


def _copy(source: Path, target: Path) -> None:
    """Copy a tree with owners, modes, links, extended attributes and whiteouts."""
    make_folder(target.parent)
    perform(["cp", "-a", "--reflink=auto", source, target], timeout_s=600)


def remove_tree(path: Path) -> None:
    """Remove a tree, never crossing into a mount."""
    outcome = attempt(["rm", "-rf", "--one-file-system", path], timeout_s=300)
    if outcome.returncode != 0:
        raise LabError(f"{path} cannot be removed: {outcome.stderr.strip().splitlines()[-1]}")
