"""Installed files are compared with what their packages brought, so that a changed one is noticed.

The guide leaves this out. It finds what was changed carelessly or crudely; whoever is root can
change the list of digests as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.snapshot import Snapshot, judged
from holdfast.site import Host, Site

PACKAGE = "debsums"
DEFAULTS = "/etc/default/debsums"
REGULARLY = ("daily", "weekly", "monthly")
LINE = re.compile(r"\s*CRON_CHECK\s*=\s*[\"']?([a-z]*)[\"']?\s*")


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield what keeps installed files from being compared regularly."""
    snapshot = snapshots[host.name]
    what = "nobody notices when an installed program is changed"
    if PACKAGE not in judged(snapshot.packages):
        want = Want(f"package {PACKAGE}", "installed", "yes", Phase.WIDEN)
        yield Gap(what, f"package {PACKAGE}: absent", wants=(want,))
        return
    held = snapshot.files.get(DEFAULTS)
    text = judged(held).content or "" if held is not None else ""
    lines = [line for line in text.split("\n") if LINE.fullmatch(line)]
    if not lines:
        mend = f"add it: echo 'CRON_CHECK=weekly' | sudo tee -a {DEFAULTS}"
        yield Gap(what, f"{DEFAULTS} has no line CRON_CHECK", mend=mend)
        return
    found = LINE.fullmatch(lines[-1])
    if found is None or found[1] not in REGULARLY:
        want = Want(f"lines {DEFAULTS}", lines[-1], "CRON_CHECK=weekly", Phase.WIDEN)
        yield Gap(what, f"{DEFAULTS}: {lines[-1].strip()}", wants=(want,))


PACKAGES_INTACT = Control(
    id="packages.intact",
    title="Installed files are what their packages brought",
    principle=Principle.AUTOMATE_CHECKS,
    source="G3",
    severity=Severity.LOW,
    stops="a program that was replaced is used for years",
    changes="Installs debsums and has it compare every week; what differs is mailed to root.",
    deviates="The guide leaves the check of installed files out.",
    gaps=gaps,
)
