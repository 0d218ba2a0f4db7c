"""Files with a secret in them that others on the machine may read."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence

from holdfast.scan.files import File
from holdfast.scan.finding import Finding, Rule

OTHERS = stat.S_IRGRP | stat.S_IROTH
CONFIGURATION = (".env", ".ini", ".toml", ".yaml", ".yml", ".json", ".conf", ".cfg", ".pem", ".key")


def readable(found: Sequence[File], secrets: Sequence[Finding]) -> Iterator[Finding]:
    """Yield the files of configuration that hold a secret and that others may read."""
    holding = {finding.path for finding in secrets if not finding.commit}
    for file in found:
        name = file.path.name
        is_configuration = name.startswith(".env") or name.endswith(CONFIGURATION)
        if file.name in holding and is_configuration and file.mode & OTHERS:
            what = f"others may read it (mode {file.mode:04o}), and there is a secret in it"
            yield Finding(Rule.READABLE, file.name, 0, what)
