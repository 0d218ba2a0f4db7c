"""Installed files are compared with what their packages brought, so that a changed one is noticed.

The guide leaves this out. It finds what was changed carelessly or crudely; whoever is root can
change the list of digests as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from holdfast.servers import debsums
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.snapshot import Snapshot, judged
from holdfast.site import Host, Site

PACKAGE = "debsums"
REGULARLY = ("daily", "weekly", "monthly")
WEEKLY = Want("debsums", debsums.CHECK, "weekly", Phase.WIDEN)


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield what keeps installed files from being compared regularly."""
    snapshot = snapshots[host.name]
    what = "nobody notices when an installed program is changed"
    if PACKAGE not in judged(snapshot.packages):
        want = Want(f"package {PACKAGE}", "installed", "yes", Phase.WIDEN)
        yield Gap(what, f"package {PACKAGE}: absent", wants=(want, WEEKLY))
        return
    held = snapshot.files.get(debsums.FILE)
    said = debsums.checked(judged(held).content or "") if held is not None else None
    if said not in REGULARLY:
        evidence = f"{debsums.FILE}: {debsums.CHECK} is {said or 'not set'}"
        yield Gap(what, evidence, wants=(WEEKLY,))


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
