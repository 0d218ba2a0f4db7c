"""Files as transactions handle them: read whole, replaced in one rename, never through a trap.

Below a folder that somebody other than root can write into, symbolic links are not followed:
the owner of a home could otherwise make root write elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import hashlib
import os
import pwd
import stat
from typing import Dict, Optional

from .failed import Failed

LARGEST = 1024 * 1024  # bytes of a file that a transaction replaces
ABSENT = "absent"


def open_folder(path: str) -> int:
    """Return a descriptor of the folder. The caller closes it. Raises OSError, Failed."""
    here = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    for part in [part for part in path.split("/") if part]:
        above = os.fstat(here)
        trusted = above.st_uid == 0 and not above.st_mode & 0o022
        follow = 0 if trusted else os.O_NOFOLLOW
        try:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | follow, dir_fd=here)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise Failed(
                    f"{path}: a link stands in the way, somebody may have laid it"
                ) from None
            raise
        finally:
            os.close(here)
        here = below
    return here


def look(path: str) -> Dict[str, object]:
    """Return what undo needs to know about a file or folder: mode, owner, group, content."""
    folder, name = os.path.split(path)
    try:
        above = open_folder(folder)
    except FileNotFoundError:
        return {"state": ABSENT}
    try:
        status = os.lstat(name, dir_fd=above)
        owner, group = user_name(status.st_uid), group_name(status.st_gid)
        seen = {"mode": stat.S_IMODE(status.st_mode), "owner": owner, "group": group}
        spelled = f"{seen['mode']:04o} {owner} {group}"
        if stat.S_ISDIR(status.st_mode):
            return {**seen, "state": spelled}
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
            raise Failed(f"{path} is not an ordinary file of at most {LARGEST} bytes")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        with os.fdopen(os.open(name, flags, dir_fd=above), "rb") as file:
            content = file.read(LARGEST)
        spelled += " " + hashlib.sha256(content).hexdigest()
        return {**seen, "state": spelled, "content": content.decode("latin-1")}
    except FileNotFoundError:
        return {"state": ABSENT}
    finally:
        os.close(above)


def put(path: str, content: bytes, mode: int, owner: str, group: str) -> None:
    """Put a file in place in one rename, owner and mode set before it can be seen."""
    folder, name = os.path.split(path)
    above = open_folder(folder)
    try:
        draft = _draft(name)
        _unlink(draft, above)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(draft, flags, 0o600, dir_fd=above), "wb") as file:
            file.write(content)
            file.flush()
            os.fchown(file.fileno(), user_id(owner), group_id(group))
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.rename(draft, name, src_dir_fd=above, dst_dir_fd=above)
        os.fsync(above)
    finally:
        os.close(above)


def remove(path: str) -> None:
    """Remove a file, or a draft of it that a killed hand left; absent is fine."""
    folder, name = os.path.split(path)
    try:
        above = open_folder(folder)
    except FileNotFoundError:
        return
    try:
        _unlink(_draft(name), above)
        _unlink(name, above)
        os.fsync(above)
    finally:
        os.close(above)


def make_folder(path: str, mode: int, owner: str, group: str) -> None:
    """Make a folder, or give an existing one this owner and mode."""
    parent, name = os.path.split(path)
    above = open_folder(parent)
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=above)
        here = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
        try:
            os.fchown(here, user_id(owner), group_id(group))
            os.fchmod(here, mode)
        finally:
            os.close(here)
        os.fsync(above)
    finally:
        os.close(above)


def remove_folder(path: str) -> bool:
    """Remove a folder if it is empty; return whether it is gone."""
    parent, name = os.path.split(path)
    try:
        above = open_folder(parent)
    except FileNotFoundError:
        return True
    try:
        os.rmdir(name, dir_fd=above)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    finally:
        os.close(above)
    return True


def write_record(path: str, text: str) -> None:
    """Write one of the hand's own records so that it survives a power cut."""
    draft = path + ".draft"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(draft, path)
    sync_folder(os.path.dirname(path))


def sync_folder(path: str) -> None:
    here = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(here)
    finally:
        os.close(here)


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def user_id(name: str) -> int:
    return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid


def group_id(name: str) -> int:
    return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid


def _draft(name: str) -> str:
    return f".{name}.holdfast"


def _unlink(name: str, above: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=above)


def read_record(path: str) -> Optional[str]:
    """Return the text of one of the hand's own records, or None where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
