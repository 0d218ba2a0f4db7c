"""A site with a past: three hosts, gaps of every kind, changes, attacks before and after.

Written into a folder by the same code that keeps real runs, from snapshots that four of the real
controls judge and the model of a host changes: four, so that a new one changes no test.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from building import SITE, account, file, snapshot
from model import changed, proven

from holdfast.report.audits import Audit, HostAudit, as_data
from holdfast.servers.attack import Kind, Outcome
from holdfast.servers.audit import Status, judge, unjudged
from holdfast.servers.catalogue import all_controls
from holdfast.servers.fleet import Failure
from holdfast.servers.history import History
from holdfast.servers.plan import make_plan
from holdfast.servers.session_errors import Unreachable
from holdfast.servers.snapshot import Listener, Snapshot, Sudo, Unreadable
from holdfast.site import Site, parse_site

BEGIN = datetime(2026, 1, 3, 9, 0, tzinfo=UTC)
REPORTED = datetime(2026, 1, 14, 8, 30, tzinfo=UTC)

TEXT = (
    SITE
    + """
[hosts.backup]
roles = ["backup"]
address = "203.0.113.12"
private_address = "10.0.0.13"

[exceptions."sudo.password"]
hosts = ["db"]
because = "the night job of the billing team uses sudo; it moves to a timer of its own in January"
until = 2026-01-31
"""
)
STRANGER = account(1004, home="/home/mallory", shell="/bin/bash", password="set", groups=("sudo",))
NIGHT_JOB = "billing ALL=(ALL) NOPASSWD: /usr/local/bin/close-books\n"
LEFT_OVER = "deploy ALL=(ALL) NOPASSWD: ALL\n"


def fresh(hostname: str, *, people: bool = False, night_job: bool = False) -> Snapshot:
    """A server as a provider hands it over, or one that somebody has used for a while."""
    seen = snapshot(hostname=hostname)
    listening = (Listener(protocol="tcp", address="0.0.0.0", port=3306, process="mariadbd"),)
    files = dict(seen.files)
    accounts = dict(seen.accounts) if not isinstance(seen.accounts, Unreadable) else {}
    if night_job:
        files["/etc/sudoers.d/billing"] = file(NIGHT_JOB, 0o440)
    if people:
        accounts["mallory"] = STRANGER
    return seen.model_copy(
        update={
            "listeners": listening if hostname == "db" else (),
            "files": files,
            "accounts": accounts,
            "sudo": Sudo(installed=night_job or people, policy={}),
        }
    )


def applied(name: str, seen: Snapshot, of: Site) -> tuple[Snapshot, int]:
    """Return a host after `apply`, and how many changes that took."""
    count = 0
    for _ in range(6):
        findings = judge(of.hosts[name], {name: seen}, of, ALL, BEGIN.date())
        plan = make_plan(name, findings, seen, of)
        if plan.empty:
            break
        seen, count = changed(proven(seen, of), plan.changes), count + len(plan.changes)
    return seen, count


class Past:
    """Keeps runs in a folder, as the verbs do."""

    def __init__(self, folder: Path) -> None:
        self.site = parse_site(TEXT, path=folder / "holdfast.toml").run_by("alice")
        self.history = History(folder)
        self.seen: dict[str, Snapshot] = {}

    def audit(self, day: float, away: str = "") -> None:
        at = BEGIN + timedelta(days=day)
        down = f"{away}: 203.0.113.12 port 22: no answer within 5 s"
        snapshots = {name: held for name, held in self.seen.items() if name != away}
        hosts = [
            HostAudit(
                name, held, judge(self.site.hosts[name], snapshots, self.site, ALL, at.date())
            )
            for name, held in snapshots.items()
        ]
        failures: tuple[Failure, ...] = ()
        if away:
            hosts.append(HostAudit(away, None, unjudged(ALL, down)))
            failures = (Failure(away, Unreachable(down)),)
        for name, held in snapshots.items():
            self.history.keep_snapshot(name, at, held)
        self.history.keep_run("audit", at, as_data(Audit("todo", at, tuple(hosts), failures)))

    def prove(self, day: float, inconclusive: str = "") -> None:
        at = BEGIN + timedelta(days=day)
        attempts = []
        for name in self.seen:
            host = self.site.hosts[name]
            found = judge(host, self.seen, self.site, ALL, at.date())
            statuses = {finding.control.id: finding.status for finding in found}
            for control in ALL:
                for attack in control.attacks:
                    if attack.kind is not Kind.SAFE or not attack.roles & frozenset(host.roles):
                        continue
                    weak = statuses[control.id] in (Status.GAP, Status.EXEMPT)
                    outcome = Outcome.SUCCEEDED if weak else Outcome.REPELLED
                    evidence = f"{attack.title}: {'let in' if weak else 'refused'}"
                    if name == inconclusive:
                        outcome = Outcome.INCONCLUSIVE
                        evidence = "the canary, a proper login, did not work before the attack"
                    attempts.append(
                        {
                            "attack": f"{control.id}/{attack.name}",
                            "control": control.id,
                            "host": name,
                            "vantage": attack.vantage,
                            "outcome": outcome.value,
                            "evidence": evidence,
                        }
                    )
        self.history.keep_run("prove", at, {"attacks": attempts})

    def apply(self, day: float, name: str, error: str = "") -> None:
        at = BEGIN + timedelta(days=day)
        count = 0
        if not error:
            self.seen[name], count = applied(name, self.seen[name], self.site)
            self.history.keep_snapshot(name, at + timedelta(seconds=40), self.seen[name])
        ids = [] if error else [f"{at:%Y%m%dT%H%M%S}-1f2e", f"{at:%Y%m%dT%H%M%S}-9a41"]
        host = {"name": name, "error": error, "transactions": ids, "changes": count}
        run = {"site": "todo", "at": at.isoformat(timespec="seconds"), "hosts": [host]}
        self.history.keep_run("apply", at, run)


FOUR = {"admins.ordinary", "firewall.inbound", "ssh.keys-only", "sudo.password"}
ALL = tuple(control for control in all_controls() if control.id in FOUR)


def ten_runs(folder: Path) -> Past:
    """Write the site file and its past into a folder; the backup host is down at its end."""
    (folder / "holdfast.toml").write_text(TEXT)
    past = Past(folder)
    past.seen = {"app": fresh("app"), "db": fresh("db", people=True, night_job=True)}
    past.audit(0)
    past.prove(0.01)
    past.audit(2)
    past.apply(3, "app")
    past.audit(3.02)
    past.prove(3.03, inconclusive="db")
    past.seen["backup"] = fresh("backup")
    past.audit(5)
    past.apply(6, "db", error="db: it was done, and is not so: sshd AllowGroups; taken back")
    past.apply(6.02, "db")
    past.audit(6.05)
    past.prove(6.06)
    files = {**past.seen["app"].files, "/etc/sudoers.d/deploy": file(LEFT_OVER, 0o440)}
    past.seen["app"] = past.seen["app"].model_copy(update={"files": files})
    past.audit(9)
    past.audit(10, away="backup")
    return past
