"""What a host consists of, for a plan: resources, the keys they have, the changes they need.

A resource is written `KIND NAME`. Each kind takes its state off the snapshot, lays the wants over
it and yields the changes that lead there; so several controls share a file without knowing each
other. The kinds and their keys:

    package NAME          installed = yes
    group NAME            exists = yes
    account NAME          open = SHELL · group G = present · key files = private
                          password = secret NAME or locked · ssh-key LINE = present or absent
                          home = unwritable (for all but its owner)
    sshd                  any keyword of sshd_config = its value or absent, for all; likewise
                          CRITERIA KEYWORD for those whom a Match block of these criteria is for
    sudoers               Defaults OPTION = VALUE, "" or absent
    pam NAME              enabled = STACK MODULE
    pwquality             any option of pwquality.conf = its value, "" for a flag
    apt                   any setting of apt.conf = its value
    unit NAME             enabled = yes · running = yes
    lines PATH            an existing line of the file = the line that takes its place
    firewall              base = the version of the table · boot = enabled
                          allow RULE = present or absent · forward = stopped or free
                          redirect PORT = another port or absent
    kernel                a parameter, with slashes, `*` for each interface = its value
    modules               NAME = refused
    core dumps            written = no
    login.defs            UMASK = the mask of new files
    debsums               CRON_CHECK = how often files are compared
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from holdfast.servers import (
    apt_config,
    debsums,
    firewall_table,
    kernel_parameters,
    pwquality,
    sshd_config,
    traces,
)
from holdfast.servers.access import Redirect
from holdfast.servers.changes import (
    ABSENT,
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
    Secret,
    SetParameters,
    SetPassword,
    StartUnit,
    WriteFile,
    text_digest,
)
from holdfast.servers.snapshot import CannotJudge, FileState, Snapshot, judged

SUDOERS_FILE = "/etc/sudoers.d/zz-holdfast"  # sudo's last matching Defaults wins
FIREWALL_UNIT = "holdfast-firewall.service"

Wants = Mapping[str, str]
Renderer = Callable[[str, Wants, Snapshot], Iterator[Change]]


def changes_for(resource: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    """Yield the changes that give one resource what is wanted of it."""
    kind, _, name = resource.partition(" ")
    yield from KINDS[kind](name, wants, snapshot)


def _package(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    if name not in judged(snapshot.packages):
        yield InstallPackages((name,))


def _group(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    if name not in judged(snapshot.groups):
        yield CreateGroup(name)


def _account(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    account = judged(snapshot.accounts).get(name)
    home = account.home if account else f"/home/{name}"
    seen: Mapping[str, FileState] = account.key_files if account else {}
    lines = {}
    for key, value in wants.items():
        word, _, rest = key.partition(" ")
        if word == "open":
            if account is None or account.expired:
                yield OpenAccount(name, value, ABSENT if account is None else "expired")
        elif word == "group":
            if account is None or rest not in account.groups:
                yield JoinGroup(name, rest)
        elif word == "password":
            held_password = account.password if account else ABSENT
            if value != "locked":
                yield SetPassword(name, Secret(value.removeprefix("secret ")), held_password)
            elif held_password not in (ABSENT, "locked"):  # a new account has a locked one
                yield LockPassword(name, held_password)
        elif word == "home" and home in seen:
            held = seen[home]
            yield MakeFolder(home, held.mode & ~0o022, held.owner, held.group, folder_state(held))
        elif word == "ssh-key":
            lines[rest] = value
    if lines or "key files" in wants:
        yield from _authorized_keys(name, home, lines, seen)


def _authorized_keys(
    name: str, home: str, lines: Wants, seen: Mapping[str, FileState]
) -> Iterator[Change]:
    """Lines are left, taken out or put at the end; whatever stands between them stays."""
    folder, path = f"{home}/.ssh", f"{home}/.ssh/authorized_keys"
    held, present = seen.get(folder), seen.get(path)
    group = seen[home].group if home in seen else name
    before = text_of(present)
    kept = [line for line in before.split("\n") if lines.get(line) != ABSENT]
    added = [line for line in sorted(lines) if lines[line] != ABSENT and line not in kept]
    content = "\n".join(kept)
    if added:
        joint = "" if content.endswith("\n") or not content else "\n"
        content += joint + "".join(f"{line}\n" for line in added)
    if held is None:
        yield MakeFolder(folder, 0o700, name, group, ABSENT)
    elif (held.mode, held.owner) != (0o700, name):
        yield MakeFolder(folder, 0o700, name, held.group, folder_state(held))
    if present is None and not added:
        return
    state = "" if present is None else f"{present.mode:04o} {present.owner} {present.content}"
    if state != f"0600 {name} {content}":
        group = group if present is None else present.group
        yield WriteFile(path, content, 0o600, name, group, file_state(present), before)


def _sshd(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    merged = sshd_config.parse(_content(sshd_config.FILE, snapshot)) | dict(wants)
    kept = {key: value for key, value in merged.items() if value != ABSENT}
    content = sshd_config.render(kept)
    yield from _own_file(sshd_config.FILE, content, 0o644, snapshot, "ssh.service")


def _sudoers(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    before = _content(SUDOERS_FILE, snapshot)
    options = {}
    for line in before.splitlines():
        if line.startswith("Defaults "):
            option, _, value = line.removeprefix("Defaults ").partition("=")
            options[f"Defaults {option}"] = value
    kept = {key: value for key, value in (options | dict(wants)).items() if value != ABSENT}
    lines = ["# Written by Holdfast."]
    lines += [f"{key}={value}" if value else key for key, value in sorted(kept.items())]
    yield from _own_file(SUDOERS_FILE, "\n".join(lines) + "\n", 0o440, snapshot)


def _pam(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    for value in wants.values():
        stack, _, module = value.partition(" ")
        yield EnablePamProfile(name, stack, module)


def _pwquality(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    merged = pwquality.parse(_content(pwquality.FILE, snapshot)) | dict(wants)
    kept = {key: value for key, value in merged.items() if value != ABSENT}
    yield from _with_folder(pwquality.FILE, pwquality.render(kept), snapshot)


def _apt(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    merged = apt_config.parse(_content(apt_config.FILE, snapshot)) | dict(wants)
    kept = {key: value for key, value in merged.items() if value != ABSENT}
    yield from _own_file(apt_config.FILE, apt_config.render(kept), 0o644, snapshot)


def _unit(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    unit = judged(snapshot.units).get(name)
    if "enabled" in wants and (unit is None or unit.enabled != "enabled"):
        yield EnableUnit(name, "disabled")
    if "running" in wants and (unit is None or unit.active != "active"):
        yield StartUnit(name)


def _lines(path: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    held = judged(snapshot.files[path])
    before = text_of(held)
    content = "\n".join(wants.get(line, line) for line in before.split("\n"))
    if content != before:
        yield WriteFile(path, content, held.mode, held.owner, held.group, file_state(held), before)


def _firewall(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    running = judged(snapshot.firewall).holdfast
    table = _table(running or "", wants)
    folder = snapshot.files.get("/etc/holdfast")
    if folder is None:
        yield MakeFolder("/etc/holdfast", 0o755, "root", "root", ABSENT)
    yield from _own_file(firewall_table.FILE, firewall_table.loadable(table), 0o644, snapshot)
    yield from _own_file(
        f"/etc/systemd/system/{FIREWALL_UNIT}", firewall_table.UNIT, 0o644, snapshot, "systemd"
    )
    if not firewall_table.same(running, table):
        expect = ABSENT if running is None else text_digest(running)
        yield LoadFirewall(firewall_table.loadable(table), expect, running or "")
    unit = judged(snapshot.units).get(FIREWALL_UNIT)
    if unit is None or unit.enabled != "enabled":
        yield EnableUnit(FIREWALL_UNIT, "disabled")


def _table(running: str, wants: Wants) -> str:
    """Return the running table with the wants laid over it."""
    allowed = set(firewall_table.allowed(running))
    redirects = {one.port: one.to for one in firewall_table.redirects(running)}
    forward = bool(running) and not firewall_table.stops_forwarding(running)
    for key, value in wants.items():
        word, _, name = key.partition(" ")
        if word == "allow":
            (allowed.add if value == "present" else allowed.discard)(name)
        elif word == "redirect":
            redirects.pop(int(name), None)
            redirects |= {} if value == ABSENT else {int(name): int(value)}
        elif word == "forward":
            forward = value == "free"
    taken = [Redirect(port, to) for port, to in redirects.items()]
    return firewall_table.render(allowed, taken, forward=forward)


def _kernel(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    values = kernel_parameters.parse(_content(kernel_parameters.FILE, snapshot)) | dict(wants)
    text = kernel_parameters.render(values)
    yield from _with_folder(kernel_parameters.FILE, text, snapshot)
    running = judged(snapshot.kernel).parameters
    changed = {
        one: value
        for pattern, value in wants.items()
        for one, held in kernel_parameters.matching(running, pattern).items()
        if held != value
    }
    if changed:
        names = sorted(changed)
        yield SetParameters(
            tuple((one, changed[one]) for one in names), tuple((one, running[one]) for one in names)
        )


def _modules(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    path = kernel_parameters.MODULES_FILE
    refused = kernel_parameters.parse_modules(_content(path, snapshot)) | dict(wants)
    yield from _with_folder(path, kernel_parameters.render_modules(refused), snapshot)


def _core_dumps(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    for path, text in traces.NO_CORE_DUMPS.items():
        yield from _with_folder(path, text, snapshot)


def _login_defs(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    held = judged(snapshot.files[traces.LOGIN_DEFS])
    before = text_of(held)
    content = traces.with_umask(before, wants["UMASK"])
    if content != before:
        state = file_state(held)
        mode, owner, group = held.mode, held.owner, held.group
        yield WriteFile(traces.LOGIN_DEFS, content, mode, owner, group, state, before)


def _debsums(name: str, wants: Wants, snapshot: Snapshot) -> Iterator[Change]:
    content = debsums.with_check(_content(debsums.FILE, snapshot), wants[debsums.CHECK])
    yield from _own_file(debsums.FILE, content, 0o644, snapshot)


def _with_folder(path: str, content: str, snapshot: Snapshot) -> Iterator[Change]:
    """Make the folder too, which a small installation may lack; the hand reads such folders."""
    folder = path.rpartition("/")[0]
    if folder not in snapshot.files:
        yield MakeFolder(folder, 0o755, "root", "root", ABSENT)
    yield from _own_file(path, content, 0o644, snapshot)


def _own_file(
    path: str, content: str, mode: int, snapshot: Snapshot, read_by: str = ""
) -> Iterator[Change]:
    held = snapshot.files.get(path)
    seen = None if held is None else judged(held)
    before = text_of(seen)
    wanted = f"{mode:04o} root root {text_digest(content)}"
    if file_state(seen) != wanted:
        yield WriteFile(path, content, mode, "root", "root", file_state(seen), before, read_by)


def _content(path: str, snapshot: Snapshot) -> str:
    held = snapshot.files.get(path)
    return "" if held is None else text_of(judged(held))


def text_of(held: FileState | None) -> str:
    """Return a file's text, "" where there is none. Raises CannotJudge for what is no text."""
    if held is not None and held.content is None:
        raise CannotJudge("a file that Holdfast would change is no readable text")
    return "" if held is None else str(held.content)


def file_state(held: FileState | None) -> str:
    """Spell a file's state as the hand does."""
    if held is None:
        return ABSENT
    return f"{held.mode:04o} {held.owner} {held.group} {held.sha256}"


def folder_state(held: FileState) -> str:
    """Spell a folder's state as the hand does."""
    return f"{held.mode:04o} {held.owner} {held.group}"


KINDS: Mapping[str, Renderer] = {
    "package": _package,
    "group": _group,
    "account": _account,
    "sshd": _sshd,
    "sudoers": _sudoers,
    "pam": _pam,
    "pwquality": _pwquality,
    "apt": _apt,
    "unit": _unit,
    "lines": _lines,
    "firewall": _firewall,
    "kernel": _kernel,
    "modules": _modules,
    "core": _core_dumps,
    "login.defs": _login_defs,
    "debsums": _debsums,
}
