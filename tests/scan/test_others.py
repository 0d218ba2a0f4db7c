"""What is found in packages of others that are well kept: nothing that has no reason."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
from datetime import date
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from holdfast.scan.code import scan

PACKAGES = tomllib.loads((Path(__file__).parent / "others.toml").read_text())["package"]


def fetched(package: dict[str, Any], folder: Path) -> Path:
    """Fetch the package's source by its ordinary client; return the folder of its files."""
    name, version = package["name"], package["version"]
    if package["from"] == "pypi":
        argv = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        argv += ["--no-binary", ":all:", f"{name}=={version}"]
    else:
        assert shutil.which("npm"), "needs npm: apt-get install npm"
        argv = ["npm", "pack", "--silent", f"{name}@{version}"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    (archive,) = folder.iterdir()
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    archive.unlink()
    (top,) = folder.iterdir()
    return top


@pytest.mark.every
@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: str(package["name"]))
def test_nothing_is_found_that_has_no_reason(package: dict[str, Any], tmp_path: Path) -> None:
    found = scan(fetched(package, tmp_path), date(2026, 11, 27), history=False)
    known = [(one["path"], rule) for one in package.get("found", ()) for rule in one["rules"]]
    left = [
        f"{one.path}:{one.line}: {one.rule}"
        for one in found.findings
        if not any(fnmatch(one.path, path) and one.rule == rule for path, rule in known)
    ]
    assert left == []
    assert {rule for _, rule in known} == {one.rule.value for one in found.findings}
    assert found.unjudged == ()
