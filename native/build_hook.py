"""Build the solver's extension along with the package, where a compiler is there.

Without one the package is whole: holdfast.work then solves in Python, and says so.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ("solver.c", "argon2.c", "python.c")
BUILT = "src/holdfast/work/_solver.abi3.so"
FLAGS = ("-O3", "-std=gnu11", "-fPIC", "-shared", "-fvisibility=hidden")
OLDEST_PYTHON = "cp311"  # whose limited interface python.c keeps to
WITHIN_S = 300


class CustomBuildHook(BuildHookInterface[Any]):
    """Compiles native/ into the package; hatchling finds it by this name."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is put together, or an editable one (version `editable`)."""
        root = Path(self.root)
        if version != "editable":  # which finds native/web where it is
            build_data["force_include"][str(root / "native/web")] = "holdfast/work/web"
        reason = _compiled(root)
        if reason:
            print(f"holdfast: the native solver is not built: {reason}", file=sys.stderr)
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"{OLDEST_PYTHON}-abi3-{platform}"
        build_data["artifacts"].append(BUILT)


def _compiled(root: Path) -> str:
    """Compile the extension and return "", or why there is none (an old one is then removed)."""
    built = root / BUILT
    built.unlink(missing_ok=True)
    command = shlex.split(os.environ.get("CC", "cc"))
    headers = sysconfig.get_path("include")
    if not command or shutil.which(command[0]) is None:
        return "no C compiler (cc) is there"
    if not (Path(headers) / "Python.h").is_file():
        return f"no Python.h in {headers} (Debian package python3-dev)"
    sources = [str(root / "native" / name) for name in SOURCES]
    with tempfile.TemporaryDirectory(prefix="holdfast-native-") as folder:
        made = Path(folder) / built.name
        line = [*command, *FLAGS, f"-I{headers}", *sources, "-o", str(made)]
        try:
            done = subprocess.run(line, capture_output=True, text=True, timeout=WITHIN_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{command[0]}: {error}"
        if done.returncode != 0:
            first = next(iter(done.stderr.strip().splitlines()), "no message")
            return f"{command[0]} failed: {first}"
        shutil.copyfile(made, built.with_suffix(".new"))
    built.with_suffix(".new").replace(built)
    return ""
