"""`@local`: a server that runs Holdfast on itself, without SSH."""

from __future__ import annotations

import shutil
import site
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

import holdfast
from holdfast.lab import Host

HOME = "/opt/holdfast"
NEEDED = (
    *("asyncssh", "pydantic", "pydantic_core", "annotated_types", "typing_inspection"),
    *("typing_extensions.py", "cryptography", "cffi", "_cffi_backend*.so"),
)
BOOKWORMS_PYTHON = (3, 11)


def installed(names: Iterable[str]) -> list[Path]:
    """Return the installed packages of these names, as they lie in the virtual environment."""
    folder = Path(site.getsitepackages()[0])
    return [path for name in names for path in folder.glob(name)]


def here(host: Host, *arguments: str) -> tuple[int, str]:
    """Run Holdfast inside the host; return its exit code and everything it said."""
    python = ["env", f"PYTHONPATH={HOME}/src:{HOME}/packages", "python3", "-m"]
    file = f"{HOME}/site/holdfast.toml"
    done = host.run([*python, "holdfast.cli.main", *arguments, "--site", file], timeout_s=200)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(
    sys.version_info[:2] != BOOKWORMS_PYTHON,
    reason="the packages installed here are compiled for another Python than the server's",
)
def test_a_server_is_brought_in_order_from_itself(
    untouched: Callable[[str], Host], lab_site: Path
) -> None:
    host = untouched("bookworm")  # its python3 is the oldest that Holdfast runs on
    home = host.files.root / HOME.lstrip("/")
    shutil.copytree(Path(holdfast.__file__).parent, home / "src" / "holdfast")
    for package in installed(NEEDED):
        copy = shutil.copytree if package.is_dir() else shutil.copy2
        (home / "packages").mkdir(exist_ok=True)
        copy(package, home / "packages" / package.name)
    shutil.copytree(lab_site, home / "site")
    host.check(["chown", "-R", "root:root", HOME])

    assert here(host, "audit", "@local")[0] == 1
    refused = here(host, "apply", "@local", "--yes")
    assert (refused[0], "--self-confirm" in refused[1]) == (2, True)
    attacked = here(host, "prove", "@local")
    assert (attacked[0], "cannot be attacked from itself" in attacked[1]) == (2, True)
    done = here(host, "apply", "@local", "--yes", "--self-confirm")
    assert done[0] == 0, done
    assert here(host, "audit", "@local")[0] == 0
    again = here(host, "apply", "@local", "--yes", "--self-confirm")
    assert (again[0], "0 changes" in again[1]) == (0, True)
    assert here(host, "undo", "@local", "--yes", "--self-confirm")[0] == 0
