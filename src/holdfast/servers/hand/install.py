"""Putting the hand on a host: its zipapp, and the units that outlive a controller and a reboot."""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import Dict

from . import places
from .failed import Failed
from .places import must
from .serve import archive

_RUN = "/usr/bin/python3 -I " + places.INSTALLED

UNITS: Dict[str, str] = {
    "holdfast-transaction@.service": f"""\
[Unit]
Description=Holdfast transaction %i

[Service]
Type=exec
ExecStart={_RUN} carry-out %i
ExecStopPost={_RUN} clean-up %i
TimeoutStopSec=180
""",
    "holdfast-revert.service": f"""\
[Unit]
Description=Take back a Holdfast transaction that a reboot cut off
DefaultDependencies=no
ConditionPathExists={places.CURRENT}
After=local-fs.target systemd-remount-fs.service systemd-sysusers.service
Before=ssh.service ssh.socket holdfast-firewall.service network-pre.target shutdown.target
Conflicts=shutdown.target
OnFailure=holdfast-revert-again.service

[Service]
Type=oneshot
ExecStart={_RUN} boot
TimeoutStartSec=60

[Install]
WantedBy=sysinit.target
""",
    "holdfast-revert-again.service": f"""\
[Unit]
Description=Take back a Holdfast transaction that could not be taken back at boot
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={_RUN} again
Restart=on-failure
RestartSec=5
""",
}


def install() -> None:
    """Install this very zipapp and its units, unless they are there. Raises Failed."""
    zipapp = archive()
    os.makedirs(places.LIBRARY, mode=0o755, exist_ok=True)
    os.makedirs(places.UNITS, mode=0o755, exist_ok=True)
    digest = hashlib.sha256(zipapp).hexdigest()
    versioned = f"{places.LIBRARY}/hand-{digest}.pyz"
    _write(versioned, zipapp)
    _point(places.INSTALLED, os.path.basename(versioned))
    for name in os.listdir(places.LIBRARY):
        if name.startswith("hand-") and f"{places.LIBRARY}/{name}" != versioned:
            os.unlink(f"{places.LIBRARY}/{name}")
    written = [_write(f"{places.UNITS}/{name}", text.encode()) for name, text in UNITS.items()]
    if any(written):
        must(["systemctl", "daemon-reload"])
    must(["systemctl", "--quiet", "enable", "holdfast-revert.service"])
    os.sync()  # the units must survive a power cut before the first step may run


def _write(path: str, content: bytes) -> bool:
    """Write a root-owned file in one rename; return whether it was not there as it should be."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        if file.read() == content:
            return False
    draft = path + ".draft"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Failed(f"{path} could not be written: {error.strerror}", "failed") from error
    os.rename(draft, path)
    return True


def _point(path: str, target: str) -> None:
    if os.path.islink(path) and os.readlink(path) == target:
        return
    draft = path + ".draft"
    if os.path.lexists(draft):
        os.unlink(draft)
    os.symlink(target, draft)
    os.rename(draft, path)
