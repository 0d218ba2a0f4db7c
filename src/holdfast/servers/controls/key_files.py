"""The files that let keys in hold exactly the site's keys, and only their owner writes to them.

Source: guide G3.7. Keys of strangers are taken out of the files of admins and of root; what
somebody else's account lets in is for a person, and nothing of it is touched.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from holdfast.servers.attack import (
    Attack,
    Attacker,
    Kind,
    OtherKeys,
    Verdict,
    inconclusive,
    login_verdict,
    repelled,
    succeeded,
)
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.restricted import blocks
from holdfast.servers.snapshot import Account, FileState, Snapshot, Sshd, judged
from holdfast.servers.sshd_decisions import (
    UNSET,
    Apart,
    decisions,
    judged_sshd,
    setting_gap,
    unread_configuration,
)
from holdfast.site import Host, Site

ROOT = "root"
KEY_FILE = ".ssh/authorized_keys"  # below the home; the only one that sshd is to read
FOLDER_MODE, FILE_MODE = 0o700, 0o600
READ = "AuthorizedKeysFile"
SETTINGS = {"AuthorizedKeysCommand": "none", "StrictModes": "yes", "TrustedUserCAKeys": "none"}
KEYWORDS = frozenset(SETTINGS)
OTHERS_WRITE = 0o022  # what sshd's StrictModes refuses
MOST_SHOWN = 3  # lines of a file that the evidence shows
LONGEST_COMMENT = 60

Keys = frozenset[tuple[str, str]]  # type and blob


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield each key that is not the site's, and each file that others could put one into."""
    snapshot = snapshots[host.name]
    sshd = judged_sshd(snapshot)
    unread = list(unread_configuration(sshd))
    yield from unread
    elsewhere: list[str] = []
    apart = blocks(host, site)
    for name, account in sorted(judged(snapshot.accounts).items()):
        if name != ROOT and (name not in site.admins or account.uid == 0):
            if name not in apart:  # its keys lie where only root writes, see restricted.py
                yield from _somebody_elses(name, account)
            continue
        yield from _loose(name, account)
        for path, held in _files(account):
            foreign = _foreign(held, keys_of(name, site))
            if held.link or held.content is None:
                yield _unreadable(path, held)
            elif path == f"{account.home}/{KEY_FILE}":
                yield from _strangers_keys(name, path, foreign)
            elif foreign:
                elsewhere.append(f"{path}: {_shown(foreign)}")
    if not unread:
        yield from _settings(sshd, elsewhere, snapshot, apart)


def keys_of(name: str, site: Site) -> Keys:
    """Return the keys that the site gives an account."""
    admin = site.admins.get(name)
    return frozenset((key.type, key.blob) for key in admin.keys) if admin else frozenset()


def _files(account: Account) -> Iterator[tuple[str, FileState]]:
    """Yield the key files, without the folders above them."""
    places = account.key_files
    for path, held in sorted(places.items()):
        if not any(other.startswith(f"{path}/") for other in places) and path != account.home:
            yield path, held


def _foreign(held: FileState, keys: Keys) -> dict[int, str]:
    """Return by number the lines that let in what is not among the keys; options count."""
    return {
        number: line
        for number, line in enumerate((held.content or "").split("\n"), 1)
        if line.strip() and not line.lstrip().startswith("#") and _key(line) not in keys
    }


def _key(line: str) -> tuple[str, ...]:
    return tuple(line.split()[:2])


def _strangers_keys(name: str, path: str, foreign: Mapping[int, str]) -> Iterator[Gap]:
    if foreign:
        yield Gap(
            f"keys that the site does not name are let in as {name}",
            f"{path}: {_shown(foreign)}",
            wants=tuple(
                Want(f"account {name}", f"ssh-key {line}", "absent", Phase.NARROW)
                for line in dict.fromkeys(foreign.values())
            ),
        )


def _settings(
    sshd: Sshd, elsewhere: Sequence[str], snapshot: Snapshot, apart: Apart
) -> Iterator[Gap]:
    """Yield what makes sshd take keys from elsewhere, or from files that others write to."""
    if elsewhere:
        wrong = [d for d in decisions(sshd, READ, apart) if d.value != KEY_FILE]
        what = f"further files let in keys that the site does not name: {'; '.join(elsewhere)}"
        yield from setting_gap(KEY_FILE, wrong, snapshot, what=what)
    for keyword, good in SETTINGS.items():
        wrong = [d for d in decisions(sshd, keyword, apart) if d.value not in (good, UNSET)]
        yield from setting_gap(good, wrong, snapshot)


def _loose(name: str, account: Account) -> Iterator[Gap]:
    """Yield what others could write to, or sshd will not trust; it opens a way for the owner."""

    def gap(path: str, held: FileState, wanted: str, key: str, value: str) -> Gap:
        want = Want(f"account {name}", key, value, Phase.WIDEN)
        seen = f"{held.mode:04o} {held.owner}"
        return Gap(f"{path} is {seen}, not {wanted} {name}", f"{path}: {seen}", wants=(want,))

    places = account.key_files
    home = places.get(account.home)
    if home is not None and home.owner not in (name, ROOT):
        yield _home_for_a_person(f"belongs to {home.owner}, not to {name}", account.home, home)
    elif home is not None and home.mode & OTHERS_WRITE and home.link:
        yield _home_for_a_person("is a link to where others write", account.home, home)
    elif home is not None and home.mode & OTHERS_WRITE:
        wanted = f"{home.mode & ~OTHERS_WRITE:04o}"
        yield gap(account.home, home, wanted, "home", "unwritable")
    folder = places.get(f"{account.home}/.ssh")
    if folder is not None and not folder.link and _state(folder) != (FOLDER_MODE, name):
        yield gap(f"{account.home}/.ssh", folder, f"{FOLDER_MODE:04o}", "key files", "private")
    file = places.get(f"{account.home}/{KEY_FILE}")
    if file is not None and not file.link and _state(file) != (FILE_MODE, name):
        yield gap(f"{account.home}/{KEY_FILE}", file, f"{FILE_MODE:04o}", "key files", "private")


def _home_for_a_person(what: str, path: str, held: FileState) -> Gap:
    """A folder that others may rely on is neither taken from its owner nor changed past a link."""
    return Gap(
        f"{path} {what}",
        f"{path}: {held.mode:04o} {held.owner}",
        mend=f"find out who uses `readlink -f {path}`; it has to be the account's own or root's, "
        "and nobody else's to write to (chown, chmod go-w)",
    )


def _state(held: FileState) -> tuple[int, str]:
    return held.mode, held.owner


def _unreadable(path: str, held: FileState) -> Gap:
    return Gap(
        f"{path} is {'a link' if held.link else 'no readable text'}, so that nobody keeps its keys",
        f"{path}: {held.mode:04o} {held.owner}",
        mend=f"look at what it holds, then put an ordinary file in its place: {path}",
    )


def _somebody_elses(name: str, account: Account) -> Iterator[Gap]:
    for path, held in _files(account):
        foreign = _foreign(held, frozenset())
        if held.content is None:
            yield _unreadable(path, held)
        elif foreign:
            yield Gap(
                f"keys that the site does not name are let in as {name}",
                f"{path}: {_shown(foreign)}",
                mend=f"find out whose they are, then: sudo rm {path}",
            )


def _shown(lines: Mapping[int, str]) -> str:
    """Return the first lines by number, as `ssh-keygen -l` would show their keys."""
    shown = [f"line {number} {_fingerprint(line)}" for number, line in lines.items()]
    more = f" and {len(shown) - MOST_SHOWN} more" if len(shown) > MOST_SHOWN else ""
    return ", ".join(shown[:MOST_SHOWN]) + more


def _fingerprint(line: str) -> str:
    words = line.split()
    for place, word in enumerate(words):
        if word.startswith("AAAA"):
            try:
                blob = base64.b64decode(word, validate=True)
            except (binascii.Error, ValueError):
                continue
            digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
            comment = " ".join(words[place + 1 :])[:LONGEST_COMMENT]
            return f"SHA256:{digest} {comment}".strip()
    return f"is no key: {line.strip()[:LONGEST_COMMENT]}"


async def _log_in_with_a_removed_key(attacker: Attacker) -> Verdict:
    """Whatever else this machine could log in with, as the operator and as root."""
    names = tuple(dict.fromkeys((attacker.site.operator, ROOT)))
    ended: dict[str, OtherKeys] = {n: await attacker.login_with_other_keys(n) for n in names}
    for name, keys in ended.items():
        if keys.accepted:
            return succeeded(f"{name} was let in with {', '.join(keys.accepted)}")
    if any(keys.unreached for keys in ended.values()):
        return inconclusive("sshd was not reached for every key")
    tried = dict.fromkeys(key for keys in ended.values() for key in keys.tried)
    if any(keys.made for keys in ended.values()):
        return repelled("this machine holds no other key; one made a moment ago was refused")
    return repelled(f"refused as {' and '.join(names)}: {', '.join(tried)}")


async def _let_a_key_in_by_a_second_file(attacker: Attacker) -> Verdict:
    login = await attacker.login_by_key_file(f"{KEY_FILE}2")
    return login_verdict(login, f"a key that {attacker.login} wrote to ~/{KEY_FILE}2")


SSH_KEY_FILES = Control(
    id="ssh.key-files",
    title="Key files hold exactly the site's keys, and only their owner writes to them",
    principle=Principle.PREVENT_DIRECT_ACCESS,
    source="G3.7",
    severity=Severity.HIGH,
    stops="somebody who has left, or slipped a key in once, still logs in",
    changes=(
        "Takes every other key out of the key files of admins and of root, line by line, once an "
        "admin's login is proven; comments stay. Gives ~/.ssh and its key file to their owner "
        "alone. Files of other accounts are never touched."
    ),
    deviates=(
        "The guide puts keys in and never takes one out. A second file that sshd reads by "
        "default, authorized_keys2, lets a key in that nobody looks for: it is not read any more."
    ),
    gaps=gaps,
    attacks=(
        Attack(
            "removed-key",
            "log in with a key that the site does not name",
            "outside",
            Kind.SAFE,
            _log_in_with_a_removed_key,
        ),
        Attack(
            "second-key-file",
            "log in with a key in authorized_keys2",
            "outside",
            Kind.DISRUPTIVE,
            _let_a_key_in_by_a_second_file,
        ),
    ),
)
