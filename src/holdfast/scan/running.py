"""Scanners of others, run so that a tree that is hostile decides nothing about them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from holdfast.scan.finding import ScanError

WITHIN_S = 900.0
MOST_OUTPUT = 200_000_000


def printed(argv: Sequence[str], *, good: Sequence[int] = (0, 1)) -> Any:
    """Return what a scanner prints as JSON. It gets a home of its own and nobody's settings.

    Raises ScanError.
    """
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-scan-") as home,
        Path(home, "printed").open("w+b") as out,
    ):
        environment = {
            "HOME": home,
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "SEMGREP_SEND_METRICS": "off",
            "SEMGREP_ENABLE_VERSION_CHECK": "0",
        }
        name = Path(argv[0]).name
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=home,
                timeout=WITHIN_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ScanError(f"{name}: {type(error).__name__}: is it installed?") from error
        out.seek(0)
        try:
            if done.returncode not in good:
                raise ValueError
            return json.loads(out.read(MOST_OUTPUT))
        except ValueError:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise ScanError(
                f"{name} ended with {done.returncode}: {(said or [''])[-1][:200]}"
            ) from None
