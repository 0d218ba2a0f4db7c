"""How the admin's keys and the site's own files are kept on this machine; no secret is resolved."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from holdfast.site.own_keys import agent_keys, private_files
from holdfast.site.private_key import Protection, protection
from holdfast.site.public_key import PublicKey
from holdfast.site.secrets import PLACEHOLDER, SecretKind, SecretRef, unfit
from holdfast.site.site import Site

OTHERS, OTHERS_WRITE = 0o077, 0o022
ON_A_SECURITY_KEY = "sk-"  # what the types of such keys begin with


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, what was seen, and what a person does where it is not good."""

    subject: str
    seen: str
    mend: str = ""

    @property
    def good(self) -> bool:
        return not self.mend


def examined(site: Site, home: Path | None = None) -> tuple[Check, ...]:
    """Look at the operator's private keys, at the site's own files, and at where secrets are."""
    return (*_keys(site, home), *_files(site), *(_secret(site, ref) for ref in secret_refs(site)))


def unprotected_keys(site: Site, home: Path | None = None) -> tuple[Path, ...]:
    """Return the operator's private key files that whoever copies them can use."""
    files = private_files(_operators_keys(site), _configs(site, home), home)
    return tuple(file for file in files.values() if protection(file) is Protection.NONE)


def _operators_keys(site: Site) -> tuple[PublicKey, ...]:
    admin = site.admins.get(site.operator)
    return admin.keys if admin else ()


def _configs(site: Site, home: Path | None) -> tuple[Path, ...]:
    own = home or Path(os.path.expanduser("~"))  # noqa: PTH111 (Path.home() raises without one)
    return (site.folder / ".holdfast" / "ssh_config", own / ".ssh" / "config")


def _keys(site: Site, home: Path | None) -> Iterator[Check]:
    keys = _operators_keys(site)
    files, agent = private_files(keys, _configs(site, home), home), agent_keys()
    for key in keys:
        yield _key(site.operator, key, files.get(key), held=key in agent)
    for file in files.values():
        yield _mode(f"private key {file}", file, OTHERS)
    here = {*files, *(agent & set(keys))}
    if not here and not any(key.type.startswith(ON_A_SECURITY_KEY) for key in keys):
        yield Check(
            f"keys of {site.operator}",
            "none is on this machine, neither in ~/.ssh nor in an agent",
            f"ssh-add the right key, or add this machine's to admins.{site.operator}.keys",
        )


def _key(operator: str, key: PublicKey, file: Path | None, *, held: bool) -> Check:
    subject = f"key {key.fingerprint} of {operator}"
    if key.type.startswith(ON_A_SECURITY_KEY):
        return Check(subject, "on a security key")
    if file is None:
        return Check(subject, "in the agent, no file" if held else "not found on this machine")
    match protection(file):
        case Protection.NONE:
            seen = f"{file} has no passphrase: whoever gets the file can log in"
            return Check(subject, seen, f"ssh-keygen -p -f {shlex.quote(str(file))}")
        case Protection.UNKNOWN:
            mend = "write it in OpenSSH's format: ssh-keygen -p -f " + shlex.quote(str(file))
            return Check(subject, f"{file} does not show how it is protected", mend)
        case kept:
            return Check(subject, f"{file}: {kept}{', and in the agent' if held else ''}")


def _files(site: Site) -> Iterator[Check]:
    yield _mode(f"site file {site.path}", site.path, OTHERS_WRITE)
    folder = site.folder / ".holdfast"
    if folder.is_dir():
        yield _mode(f"folder {folder}", folder, OTHERS)
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            yield _mode(f"file {file}", file, OTHERS_WRITE)


def _mode(subject: str, path: Path, refused: int) -> Check:
    try:
        state = path.stat()
    except OSError as error:
        return Check(subject, str(error.strerror), f"look at it: ls -l {shlex.quote(str(path))}")
    mode, where = stat.S_IMODE(state.st_mode), shlex.quote(str(path))
    if state.st_uid not in {os.geteuid(), 0}:
        return Check(subject, f"belongs to user {state.st_uid}", f"chown it to yourself: {where}")
    if mode & refused:
        bits = "go-rwx" if refused == OTHERS else "go-w"
        return Check(subject, f"{mode:04o}: others may use it", f"chmod {bits} {where}")
    return Check(subject, f"{mode:04o}")


def secret_refs(value: object) -> Iterator[SecretRef]:
    """Yield every reference to a secret that the site file holds."""
    if isinstance(value, SecretRef):
        yield value
    elif isinstance(value, BaseModel):
        yield from secret_refs([item for _, item in value])
    elif isinstance(value, Mapping):
        yield from secret_refs(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from secret_refs(item)


def _secret(site: Site, ref: SecretRef) -> Check:
    """Judge where a secret is kept; what it is called with may itself tell something."""
    subject = f"secret {ref.key}"
    if ref.kind is SecretKind.ENV:
        return Check(subject, f"env:{ref.place}")
    if ref.kind is SecretKind.COMMAND:
        program = shlex.split(ref.place)[0]
        if PLACEHOLDER.search(program) or shutil.which(program):
            return Check(subject, f"command:{program} …")
        return Check(subject, f"command:{program} … is not installed", f"install {program}")
    if ref.placeholders:
        return Check(subject, str(ref))
    path = site.folder / Path(os.path.expanduser(ref.place))  # noqa: PTH111
    try:
        problem = unfit(path, path.stat())
    except OSError as error:
        problem = f"cannot be read ({error.strerror})", "put the secret there"
    return Check(subject, str(ref)) if problem is None else Check(subject, *problem)
