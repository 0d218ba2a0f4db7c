"""A model of a host: what a snapshot looks like after changes were made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from building import account as new_account
from building import file

from holdfast.servers import apt_config, firewall_table, pwquality, sshd_config
from holdfast.servers.changes import (
    Change,
    CreateGroup,
    EnablePamProfile,
    EnableUnit,
    InstallPackages,
    JoinGroup,
    LoadFirewall,
    LockPassword,
    MakeFolder,
    OpenAccount,
    SetParameters,
    SetPassword,
    StartUnit,
    WriteFile,
)
from holdfast.servers.plan import LOGIN_PROVEN
from holdfast.servers.snapshot import (
    Account,
    Apt,
    EffectiveSshd,
    Evidence,
    FileState,
    Kernel,
    Snapshot,
    Sudo,
    Unit,
    Unreadable,
    judged,
)
from holdfast.site import Site

COMMON_PASSWORD = "/etc/pam.d/common-password"
PWQUALITY_LINE = f"password\trequisite\t\t\t{pwquality.MODULE} retry=3\n"
ORIGINS = "Unattended-Upgrade::Origins-Pattern"


def changed(snapshot: Snapshot, changes: Iterable[Change]) -> Snapshot:
    """Return the host after the changes."""
    for change in changes:
        snapshot = _after(snapshot, change)
    return _recomputed(snapshot)


def proven(snapshot: Snapshot, site: Site) -> Snapshot:
    """Return the host with evidence of the operator's login."""
    key = site.admins[site.operator].keys[0].fingerprint
    record = Evidence(kind=LOGIN_PROVEN, subject=site.operator, bound_to=key, at=1.0)
    return _with(snapshot, evidence=(*judged(snapshot.evidence), record))


def _with(snapshot: Snapshot, **sections: Any) -> Snapshot:
    return snapshot.model_copy(update=sections)


def _after(snapshot: Snapshot, change: Change) -> Snapshot:
    accounts = dict(judged(snapshot.accounts))
    match change:
        case InstallPackages():
            packages = {**judged(snapshot.packages), **dict.fromkeys(change.names, "1")}
            sudo, firewall = judged(snapshot.sudo), judged(snapshot.firewall)
            if "libpam-pwquality" in change.names:
                snapshot = _asked_for_passwords(snapshot)
            if "unattended-upgrades" in change.names:
                snapshot = _with_settings(snapshot, {ORIGINS: ("label=Debian-Security",)})
            if "debsums" in change.names:
                snapshot = _placed(snapshot, "/etc/default/debsums", file("CRON_CHECK=never\n"))
            return _with(
                snapshot,
                packages=packages,
                sudo=sudo.model_copy(update={"installed": "sudo" in packages or sudo.installed}),
                firewall=firewall.model_copy(
                    update={"installed": "nftables" in packages or firewall.installed}
                ),
            )
        case CreateGroup():
            return _with(snapshot, groups={**judged(snapshot.groups), change.name: ()})
        case OpenAccount():
            held = accounts.get(change.name)
            accounts[change.name] = (
                held.model_copy(update={"expired": False, "shell": change.shell})
                if held
                else _new(change, len(accounts))
            )
        case JoinGroup():
            held = accounts[change.account]
            groups = tuple(sorted({*held.groups, change.group}))
            accounts[change.account] = held.model_copy(update={"groups": groups})
        case SetPassword():
            held = accounts[change.account]
            accounts[change.account] = held.model_copy(update={"password": "set"})
        case LockPassword():
            held = accounts[change.account]
            accounts[change.account] = held.model_copy(update={"password": "locked"})
        case MakeFolder():
            state = file("", change.mode, change.owner, change.group)
            return _placed(snapshot, change.path, state)
        case WriteFile():
            state = file(change.content, change.mode, change.owner, change.group)
            return _placed(snapshot, change.path, state)
        case LoadFirewall():
            table = change.text[change.text.index("table inet holdfast {") :]
            firewall = judged(snapshot.firewall)
            return _with(snapshot, firewall=firewall.model_copy(update={"holdfast": table}))
        case SetParameters():
            parameters = {**judged(snapshot.kernel).parameters, **dict(change.values)}
            return _with(snapshot, kernel=Kernel(parameters=parameters))
        case EnableUnit():
            return _unit(snapshot, change.name, enabled="enabled")
        case StartUnit():
            return _unit(snapshot, change.name, active="active")
        case EnablePamProfile():
            return _asked_for_passwords(snapshot)
        case _:
            raise AssertionError(f"the model does not know {change}")
    return _with(snapshot, accounts=accounts)


def _unit(snapshot: Snapshot, name: str, **facts: str) -> Snapshot:
    units = judged(snapshot.units)
    held = units.get(name, Unit(active="inactive", enabled="disabled"))
    return _with(snapshot, units={**units, name: held.model_copy(update=facts)})


def _asked_for_passwords(snapshot: Snapshot) -> Snapshot:
    """What pam-auth-update does to a stack that is still Debian's: ours comes first."""
    text = judged(snapshot.files[COMMON_PASSWORD]).content or ""
    if "pam-auth-update" not in text or pwquality.MODULE in text:
        return snapshot
    asked = text.replace("password\t", PWQUALITY_LINE + "password\t", 1)
    return _placed(snapshot, COMMON_PASSWORD, file(asked))


def _with_settings(snapshot: Snapshot, settings: dict[str, tuple[str, ...]]) -> Snapshot:
    apt = judged(snapshot.apt)
    return _with(snapshot, apt=Apt(settings={**apt.settings, **settings}))


def _new(change: OpenAccount, number: int) -> Account:
    home = f"/home/{change.name}"
    folder = file("", 0o755, change.name, change.name)
    return new_account(
        1000 + number,
        home=home,
        shell=change.shell,
        groups=(change.name,),
        key_files={home: folder},
    )


def _placed(snapshot: Snapshot, path: str, state: FileState) -> Snapshot:
    accounts = dict(judged(snapshot.accounts))
    for name, held in accounts.items():
        if path == held.home or path.startswith(held.home + "/"):
            accounts[name] = held.model_copy(update={"key_files": {**held.key_files, path: state}})
            return _with(snapshot, accounts=accounts)
    return _with(snapshot, files={**snapshot.files, path: state})


def _recomputed(snapshot: Snapshot) -> Snapshot:
    """What follows from the files: sshd's decisions, sudo's policy, apt's settings, a reload."""
    sshd = judged(snapshot.sshd)
    ours = snapshot.files.get(sshd_config.FILE)
    if ours is not None:
        parsed = sshd_config.parse(judged(ours).content or "")
        written = {key: value for key, value in parsed.items() if " " not in key}
        sshd = sshd.model_copy(
            update={
                "effective": tuple(
                    e.model_copy(update={"settings": {**e.settings, **_decided(e, written)}})
                    for e in sshd.effective
                ),
                "loaded": sshd.changed + 1,
            }
        )
    if apt_config.FILE in snapshot.files:
        written = apt_config.parse(judged(snapshot.files[apt_config.FILE]).content or "")
        snapshot = _with_settings(snapshot, {key: (value,) for key, value in written.items()})
    return _with(snapshot, sshd=sshd, sudo=policy_of(snapshot))


def _decided(seen: EffectiveSshd, written: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """What sshd makes of our settings; a list that begins with a minus is taken off another."""
    decided: dict[str, tuple[str, ...]] = {}
    for key, value in written.items():
        if value.startswith("-"):
            before = " ".join(seen.settings.get(key.lower(), ())).split(",")
            weak = value[1:].split(",")
            value = ",".join(n for n in before if not any(fnmatchcase(n, p) for p in weak))
        decided[key.lower()] = (value,)
    return decided


def policy_of(snapshot: Snapshot) -> Sudo:
    """What cvtsudoers would say of the sudoers files in the snapshot: the parts that matter."""
    specs: list[dict[str, Any]] = []
    defaults: list[dict[str, Any]] = []
    for path, held in sorted(snapshot.files.items()):
        if not path.startswith("/etc/sudoers") or isinstance(held, Unreadable):
            continue
        for line in (held.content or "").splitlines():
            words = line.split()
            if not words or line.startswith("#"):
                continue
            if words[0].startswith("Defaults"):
                defaults += [{"Options": [_option(" ".join(words[1:]))]}]
            elif "NOPASSWD:" in line:
                command = {"Options": [{"authenticate": False}], "Commands": []}
                specs.append({"User_List": [{"username": words[0]}], "Cmnd_Specs": [command]})
    installed = judged(snapshot.sudo).installed
    return Sudo(installed=installed, policy={"Defaults": defaults, "User_Specs": specs})


def _option(text: str) -> dict[str, Any]:
    if text.startswith("!"):
        return {text[1:].strip(): False}
    name, _, value = text.partition("=")
    return {name: value or True}


def table(*rules: str) -> str:
    return firewall_table.render(rules)
