"""What programs leave behind: files that keep memory from being written down.

Source: core(5), limits.conf(5), coredump.conf(5), login.defs(5).
"""

from __future__ import annotations

import re

LIMITS = "/etc/security/limits.d/zz-holdfast.conf"
COREDUMP = "/etc/systemd/coredump.conf.d/zz-holdfast.conf"
PROFILE = "/etc/profile.d/zz-holdfast.sh"

NO_CORE_DUMPS = {
    LIMITS: "# Written by Holdfast.\n* hard core 0\nroot hard core 0\n",
    COREDUMP: "# Written by Holdfast.\n[Coredump]\nStorage=none\nProcessSizeMax=0\n",
    PROFILE: "# Written by Holdfast: for shells that PAM's limits do not reach.\nulimit -c 0\n",
}
"""The text of each file by its path."""

LOGIN_DEFS = "/etc/login.defs"
MASK = "027"
_UMASK = re.compile(r"\s*UMASK\s+0?([0-7]{3})\s*")


def umask_line(text: str) -> str | None:
    """Return the line of login.defs that says the mask of new files; None where none does."""
    said = [line for line in text.split("\n") if _UMASK.fullmatch(line)]
    return said[-1] if said else None


def lets_others_read(line: str) -> bool:
    """Whether new files may be read by others than their owner's group, as this line has it."""
    found = _UMASK.fullmatch(line)
    return found is None or int(found[1], 8) & 0o027 != 0o027


def with_umask(text: str, mask: str) -> str:
    """Return login.defs with this mask: in the place of the line that says it, or at the end."""
    line, new = umask_line(text), f"UMASK\t\t{mask}"
    if line is None:
        return f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{new}\n"
    return "\n".join(new if one == line else one for one in text.split("\n"))
