"""Cached servers that hosts start from: one base per release, one layer per role upon it."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from holdfast.lab.apt_sources import KEYRING, read
from holdfast.lab.commands import PLAIN_ENVIRONMENT, perform
from holdfast.lab.layers import remove_tree
from holdfast.lab.locks import locked
from holdfast.lab.mounts import in_use, mount_overlay, unmount_below
from holdfast.lab.packages import build_repository, repository
from holdfast.lab.recipe import (
    BASE_PACKAGES,
    ENABLED_UNITS,
    INSTALLABLE_PACKAGES,
    MASKED_UNITS,
    ROLE_FILES,
    ROLE_PACKAGES,
    digest,
)
from holdfast.lab.records import folder, make_folder

Report = Callable[[str], None]

_BUILD_WITHIN_S = 1200.0
_KEPT_UNUSED_S = 24 * 3600.0  # another checkout on this machine may have another recipe


def base_layers(
    release: str, roles: Sequence[str], report: Report, *, overlay: bool
) -> tuple[Path, ...]:
    """The layers a host of this release and these roles starts from, topmost first.

    Without `overlay` it is one layer that holds everything. What is missing is built, which takes
    a minute or two; who else wants it meanwhile waits.
    """
    with locked(make_folder(folder() / "bases" / f".lock-{release}")):
        base = folder() / "bases" / f"{release}-{digest()}"
        if not base.exists() or not repository(release).exists():
            report(f"building the base of {release} (once; a minute or two)")
            _forget_older(release)
            _build_base(release, base)
        layers: tuple[Path, ...] = (base,)
        for used in (base, repository(release)):
            os.utime(used)
        for role in sorted(set(roles) & set(ROLE_PACKAGES)):
            layers = _role_layers(release, role, layers, report, overlay=overlay)
    return layers


def _build_base(release: str, base: Path) -> None:
    partial = _emptied(base.with_name(f"{base.name}.partial"))
    remove_tree(base)
    perform(
        [
            *("debootstrap", "--variant=minbase"),
            *(f"--keyring={KEYRING}", f"--include={','.join(BASE_PACKAGES)}"),
            *(release, partial, read()[0].address),
        ],
        timeout_s=_BUILD_WITHIN_S,
        environment={**PLAIN_ENVIRONMENT, **_proxies()},
    )
    packages = build_repository(release, partial)
    _write(partial, "etc/apt/sources.list", "deb [trusted=yes] file:/srv/packages ./\n")
    _write(partial, "etc/resolv.conf", "")
    _write(partial, "etc/hostname", "localhost\n")
    for name in ("var/log/bootstrap.log", "debootstrap"):
        remove_tree(partial / name)
    for path in (partial / "etc/apt/sources.list.d").glob("*"):
        path.unlink()
    for path in (partial / "var/lib/apt/lists").glob("*_*"):
        path.unlink()
    inside(partial, packages, ["apt-get", "-qq", "update"])
    inside(partial, packages, ["apt-get", "-qq", "-y", "dist-upgrade"])
    inside(partial, packages, ["apt-get", "-qq", "-s", "install", *INSTALLABLE_PACKAGES])
    inside(partial, packages, ["apt-get", "clean"])
    inside(partial, packages, ["systemctl", "-q", "enable", *ENABLED_UNITS])
    inside(partial, packages, ["systemctl", "-q", "mask", *MASKED_UNITS])
    for path in (partial / "etc/ssh").glob("ssh_host_*"):
        path.unlink()
    _write(partial, "etc/machine-id", "", mode=0o444)
    _mark_updated(partial)
    partial.rename(base)


def _role_layers(
    release: str, role: str, below: tuple[Path, ...], report: Report, *, overlay: bool
) -> tuple[Path, ...]:
    """The layers with the role's packages installed upon `below`."""
    suffix = role if overlay else f"{role}-whole"
    layer = below[0].with_name(f"{below[0].name}-{suffix}")
    result = (layer, *below) if overlay else (layer,)
    if layer.exists():
        return result
    report(f"building the {role} layer of {release} (once; half a minute)")
    partial = _emptied(layer.with_name(f"{layer.name}.partial"))
    if overlay:
        root, top = make_folder(partial / "root"), make_folder(partial / "top")
        mount_overlay([str(path) for path in below], top, make_folder(partial / "work"), root)
    else:
        root = top = partial / "top"
        perform(["cp", "-a", "--reflink=auto", below[0], top], timeout_s=300)
    refuse_starts = root / "usr/sbin/policy-rc.d"
    _write(root, "usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", mode=0o755)
    inside(root, repository(release), ["apt-get", "-qq", "-y", "install", *ROLE_PACKAGES[role]])
    refuse_starts.unlink()
    for name, text in ROLE_FILES[role].items():
        _write(root, name, text)
    _mark_updated(root)
    unmount_below(partial)
    top.rename(layer)
    remove_tree(partial)
    return result


def inside(root: Path, packages: Path, argv: Sequence[str]) -> str:
    """Run a program in a tree that is not booted, with the repository and without a network."""
    return perform(
        [
            *("systemd-nspawn", "-q", "--register=no"),
            *("--keep-unit", "--as-pid2", "--private-network", "--resolv-conf=off"),
            *("--timezone=off", "--link-journal=no", f"--machine=hf-build-{os.getpid()}"),
            *(f"--bind-ro={packages}:/srv/packages", "--setenv=DEBIAN_FRONTEND=noninteractive"),
            *("-D", str(root), *argv),
        ],
        timeout_s=_BUILD_WITHIN_S,
    )


def _emptied(partial: Path) -> Path:
    """Clear what a killed build left."""
    unmount_below(partial)
    remove_tree(partial)
    return make_folder(partial)


def _forget_older(release: str) -> None:
    """Remove bases of former recipes that nobody has started a server from for a day."""
    for kept in (folder() / "bases", folder() / "packages"):
        for path in kept.glob(f"{release}-*"):
            unused_s = time.time() - path.stat().st_mtime
            if digest() not in path.name and unused_s > _KEPT_UNUSED_S and not in_use(path):
                unmount_below(path)
                remove_tree(path)


def _mark_updated(root: Path) -> None:
    """Say that nothing is left to do after an update of /usr, which systemd would do at boot."""
    for name in ("etc/.updated", "var/.updated"):
        (root / name).touch()


def _write(root: Path, name: str, text: str, mode: int = 0o644) -> None:
    path = root / name
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def _proxies() -> dict[str, str]:
    """The proxies of this machine's apt, for the programs that debootstrap fetches with."""
    proxies = {}
    for scheme in ("http", "https"):
        dumped = perform(["apt-config", "dump", "--format", "%v%n", f"Acquire::{scheme}::Proxy"])
        value = dumped.strip().splitlines()[0] if dumped.strip() else ""
        if value and value != "DIRECT":
            proxies[f"{scheme}_proxy"] = value
    return proxies
