"""What a host is: its release and packages, sudo's policy, and what Holdfast recorded on it."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
from typing import Any, Dict, List, Optional

from .read_files import cannot_read, read_text, read_text_if_any
from .read_programs import CannotRead, Program, find, first_line

DPKG_STATUS = "/var/lib/dpkg/status"
STATE = "/var/lib/holdfast"
EVIDENCE = f"{STATE}/evidence.jsonl"
TRANSACTIONS = f"{STATE}/transactions"
DRAFT = "draft"  # a transaction that was never begun
INSTALLED = ("installed", "triggers-awaited", "triggers-pending")
MOST_EVIDENCE = 1000
MOST_TRANSACTIONS = 50
MOST_FOLDERS = 10_000
MACHINE_DIGITS = 32
LONGEST_NAME, LONGEST_TEXT = 256, 4096
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH

_FIELD = re.compile(r"^(Package|Status|Version|Architecture): *(.*)$", re.MULTILINE)


def parse_release(text: str) -> Dict[str, str]:
    """Return what os-release says, quotes taken off."""
    values = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals:
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            values[key] = value[1:-1] if quoted else value
    return {
        "id": values.get("ID", "linux"),
        "version": values.get("VERSION_ID", ""),
        "codename": values.get("VERSION_CODENAME", ""),
        "name": values.get("PRETTY_NAME", ""),
    }


def parse_packages(text: str) -> Dict[str, str]:
    """Return the installed packages by name; those of a foreign architecture as `name:arch`."""
    found = []
    native = None
    for paragraph in text.split("\n\n"):
        # A later line never overrules: continuation lines start with a space and do not match.
        fields = dict(reversed(_FIELD.findall(paragraph)))
        if fields.get("Status", "").split()[-1:] in [[state] for state in INSTALLED]:
            name, arch = fields.get("Package", ""), fields.get("Architecture", "")
            found.append((name, arch, fields.get("Version", "")))
            native = arch if name == "dpkg" else native
    if not found:
        raise CannotRead(f"{DPKG_STATUS} lists no installed package")
    names = {
        (name if arch in ("all", native) else f"{name}:{arch}"): version
        for name, arch, version in found
    }
    return dict(sorted(names.items()))


def machine(text: str) -> str:
    """Return a stand-in for the machine's id, which is told to nobody."""
    return hashlib.sha256(text.strip().encode("utf-8", "replace")).hexdigest()[:MACHINE_DIGITS]


def virtualisation(program: Program) -> str:
    """Return what systemd-detect-virt prints: `none`, `kvm`, `systemd-nspawn` …, or `unknown`."""
    try:
        printed = program.finished().output.strip()
    except CannotRead:
        return "unknown"
    return printed if re.fullmatch(r"[a-z0-9-]{1,64}", printed) else "unknown"


def ask_cvtsudoers() -> Optional[Program]:
    """Start the question; /etc/cvtsudoers.conf could filter the answer and is kept out of it."""
    if find("sudo") is None or os.geteuid() != 0:
        return None
    return Program("cvtsudoers", "-c", "/dev/null", "-f", "json", "/etc/sudoers")


def sudo_section(asked: Optional[Program]) -> Dict[str, object]:
    """Return sudo's policy. Raises CannotRead."""
    if asked is None:
        if find("sudo") is not None:
            raise CannotRead("needs root")
        return {"installed": False, "policy": {}}
    result = asked.finished()
    if result.status != 0:
        raise CannotRead(first_line(result.complaint, "cvtsudoers fails"))
    return {"installed": True, "policy": parse_policy(result.output)}


def parse_policy(text: str) -> Dict[str, Any]:
    """Return what cvtsudoers prints. Raises CannotRead."""
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotRead("what cvtsudoers prints is not JSON") from error
    if not isinstance(policy, dict):
        raise CannotRead("what cvtsudoers prints is not understood")
    return policy


def _record(value: Any, shape: Dict[str, int]) -> Dict[str, Any]:
    """Return the named texts and the time of a record. Raises ValueError."""
    record = {}
    for key, longest in shape.items():
        if not isinstance(value[key], str) or len(value[key]) > longest:
            raise ValueError(key)
        record[key] = value[key]
    at = value["at"]
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not math.isfinite(at):
        raise ValueError("at")
    return {**record, "at": float(at)}


def parse_evidence(text: str) -> List[Dict[str, Any]]:
    """Return the last records of evidence.jsonl. Raises CannotRead at a line that is none."""
    shape = {"kind": LONGEST_NAME, "subject": LONGEST_NAME, "bound_to": LONGEST_TEXT}
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                found.append(_record(json.loads(line), shape))
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
                raise CannotRead(f"{EVIDENCE}: line {number} is damaged") from error
    return found[-MOST_EVIDENCE:]


def parse_transaction(text: str) -> Dict[str, Any]:
    """Return a transaction from its state.json. Raises CannotRead."""
    try:
        value = json.loads(text)
        shape = {"id": LONGEST_NAME, "state": LONGEST_NAME, "undoes": LONGEST_NAME}
        record = _record(value, shape)
        changes = value["changes"]
        if isinstance(changes, bool) or not isinstance(changes, int) or changes < 0:
            raise ValueError("changes")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise CannotRead("a transaction's state.json is damaged") from error
    return {**record, "changes": changes}


def evidence_section() -> List[Dict[str, Any]]:
    """Return what was proven on this host; the file must be root's alone. Raises CannotRead."""
    for path in (STATE, EVIDENCE):
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise cannot_read(path, error) from error
        if found.st_uid != 0 or found.st_mode & OTHERS_MAY_WRITE or stat.S_ISLNK(found.st_mode):
            raise CannotRead(f"others than root may write {path}: nothing in it proves anything")
    return parse_evidence(read_text(EVIDENCE))


def transactions_section() -> List[Dict[str, Any]]:
    """Return the transactions that this host remembers, newest last. Raises CannotRead."""
    try:
        names = sorted(os.listdir(TRANSACTIONS))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise cannot_read(TRANSACTIONS, error) from error
    if len(names) > MOST_FOLDERS:
        raise CannotRead(f"{TRANSACTIONS} holds more than {MOST_FOLDERS} folders")
    texts = (
        read_text_if_any(f"{TRANSACTIONS}/{name}/state.json") for name in names if name != DRAFT
    )
    found = [parse_transaction(text) for text in texts if text is not None]
    return sorted(found, key=lambda each: (each["at"], each["id"]))[-MOST_TRANSACTIONS:]


def read_packages() -> Dict[str, str]:
    """Return the installed packages. Raises CannotRead."""
    return parse_packages(read_text(DPKG_STATUS))
