"""The local package repository of a release: all that `apply` installs, without a network.

This machine's apt fetches it, with this machine's proxy, keys and archives, into folders of its
own, as if nothing were installed: so it holds every dependency down to the C library.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from holdfast.lab.apt_sources import read, sources_list
from holdfast.lab.commands import perform
from holdfast.lab.layers import remove_tree
from holdfast.lab.recipe import BASE_PACKAGES, INSTALLABLE_PACKAGES, digest
from holdfast.lab.records import folder, make_folder

_FETCH_WITHIN_S = 1200.0


def repository(release: str) -> Path:
    """The folder of the release's repository, whether it is built or not."""
    return folder() / "packages" / f"{release}-{digest()}"


def build_repository(release: str, base: Path) -> Path:
    """Fetch the repository of `release`; `base` is a freshly bootstrapped server of it."""
    target = repository(release)
    if target.exists():
        return target
    partial = target.with_name(f"{target.name}.partial")
    remove_tree(partial)
    area = make_folder(partial / "apt")
    for name in ("lists/partial", "archives/partial", "state"):
        make_folder(area / name)
    (area / "sources.list").write_text(sources_list(read(), release), encoding="utf-8")
    (area / "nothing-installed").write_text("", encoding="utf-8")
    for package in (base / "var/cache/apt/archives").glob("*.deb"):
        shutil.move(package, area / "archives" / package.name)

    installed, nothing = base / "var/lib/dpkg/status", area / "nothing-installed"
    _apt(area, installed, ["update"])
    _apt(area, installed, ["--download-only", "dist-upgrade"])
    wanted = sorted({*BASE_PACKAGES, *INSTALLABLE_PACKAGES})
    _apt(area, nothing, ["--download-only", "install", *wanted])

    for package in (area / "archives").glob("*.deb"):
        # apt reads % in a file name as the start of an escape, so epochs get a dash instead
        package.rename(partial / package.name.replace("%3a", "-"))
    remove_tree(area)
    index = perform(["apt-ftparchive", "packages", "."], cwd=partial, timeout_s=300)
    (partial / "Packages").write_text(index, encoding="utf-8")
    for path in (partial, *partial.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    partial.rename(target)
    return target


def _apt(area: Path, installed: Path, words: Sequence[str]) -> None:
    settings = {
        "Dir::Etc::sourcelist": area / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": area / "state",
        "Dir::State::lists": area / "lists",
        "Dir::State::status": installed,
        "Dir::State::extended_states": area / "state/extended_states",
        "Dir::Cache": area,
        "Dir::Cache::archives": area / "archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "APT::Sandbox::User": "root",
        "APT::Install-Recommends": "0",
        "Acquire::Languages": "none",
    }
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    perform(["apt-get", "-qq", "-y", *options, *words], timeout_s=_FETCH_WITHIN_S)
