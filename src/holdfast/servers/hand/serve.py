"""The hand's side of a session: requests come in as JSON lines, answers go out as JSON lines.

The first line says that the hand is ready, and whether sudo keeps what is sent to it. Each request
`{"do": NAME, …}` is answered by any number of `{"progress": …}` lines and then exactly one
`{"done": …}` or `{"failed": "one line", "kind": NAME}`. The end of the input ends the hand.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterator

from .failed import Failed
from .probe import probe

LARGEST_REQUEST = 32 * 1024 * 1024  # bytes
LONGEST_FAILURE = 2000  # characters

Request = Dict[str, Any]
Progress = Callable[[Dict[str, Any]], None]
Operation = Callable[[Request, Progress], Dict[str, Any]]


def _snapshot(request: Request, progress: Progress) -> dict[str, Any]:
    from .read import snapshot  # an import per operation: a probe need not load the readers

    answer: dict[str, Any] = snapshot()
    return answer


def _start(request: Request, progress: Progress) -> dict[str, Any]:
    from .start import start

    return start(request, progress)


def _confirm(request: Request, progress: Progress) -> dict[str, Any]:
    from .transaction import confirm

    return confirm(str(request["id"]), request.get("evidence", []))


def _revert(request: Request, progress: Progress) -> dict[str, Any]:
    from .transaction import take_back

    return take_back(str(request["id"]))


def _witness(request: Request, progress: Progress) -> dict[str, Any]:
    from .transaction import witness

    return witness(request["evidence"])


def _try_passwords(request: Request, progress: Progress) -> dict[str, Any]:
    from .aside import aside
    from .doors import accepted_passwords

    passwords = [str(password) for password in request["passwords"]]
    return aside(lambda: accepted_passwords(passwords))


def _try_su(request: Request, progress: Progress) -> dict[str, Any]:
    from .aside import aside
    from .doors import su_outside_the_group

    return aside(su_outside_the_group)


OPERATIONS: Dict[str, Operation] = {
    "confirm": _confirm,
    "probe": probe,
    "revert": _revert,
    "snapshot": _snapshot,
    "start": _start,
    "try-passwords": _try_passwords,
    "try-su": _try_su,
    "witness": _witness,
}


def serve() -> None:
    """Answer requests until the input ends or nobody reads the answers any more."""
    requests, answers = _own_streams()
    try:
        _serve(requests, answers)
    except BrokenPipeError:
        return


def archive() -> bytes:
    """The zip that this hand runs from. Raises Failed where it runs from a folder instead."""
    path = getattr(globals().get("__loader__"), "archive", None)
    if not isinstance(path, str):
        raise Failed("this hand does not run from its zip", "defect")
    return Path(path).read_bytes()


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """The two ends of the session; what an operation or its children print goes to stderr."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    def say(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message, ensure_ascii=True).encode() + b"\n")
        answers.flush()

    root = os.geteuid() == 0
    say({"ready": 1, "root": root, "logs_input": root and sudo_logs_input()})
    for line in _lines(requests):
        say(_answer(line, say))


def _lines(requests: BinaryIO) -> Iterator[bytes]:
    """Whole lines; a request that was cut off or is too large ends the session."""
    while True:
        line = requests.readline(LARGEST_REQUEST + 1)
        if not line.endswith(b"\n"):
            return
        yield line


def _answer(line: bytes, say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    try:
        request = json.loads(line)
        if not isinstance(request, dict):
            raise Failed("the request is not a JSON object", "request")
        operation = OPERATIONS.get(str(request.get("do")))
        if operation is None:
            raise Failed(f"this hand cannot do {request.get('do')!r}", "unknown")
        return {"done": operation(request, lambda step: say({"progress": step}))}
    except BrokenPipeError:
        raise
    except Failed as error:
        return {"failed": _one_line(str(error)), "kind": error.kind}
    except json.JSONDecodeError as error:
        return {"failed": _one_line(f"the request is not JSON: {error}"), "kind": "request"}
    except Exception as error:
        return {"failed": _one_line(f"{type(error).__name__}: {error}"), "kind": "defect"}


def _one_line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_FAILURE]


LOGS_INPUT = ("log_input", "log_stdin")


def sudo_logs_input(policy: Path = Path("/etc/sudoers")) -> bool:
    """Whether sudo keeps what is typed or sent to the commands it runs, for anybody.

    `cvtsudoers` resolves includes and tags. Where it is missing or cannot read the policy, the
    words themselves are looked for, so that doubt counts as yes.
    """
    if not policy.exists():
        return False
    program = shutil.which("cvtsudoers", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        return _mentions_input(policy)
    try:
        answer = subprocess.run(
            [program, "-e", "-f", "json", str(policy)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=10,
            check=True,
        )
        return _switches_on(json.loads(answer.stdout), LOGS_INPUT)
    except (OSError, ValueError, subprocess.SubprocessError):
        return _mentions_input(policy)


def _switches_on(value: object, names: tuple[str, ...]) -> bool:
    if isinstance(value, dict):
        if any(value.get(name) is True for name in names):
            return True
        return any(_switches_on(each, names) for each in value.values())
    return isinstance(value, list) and any(_switches_on(each, names) for each in value)


def _mentions_input(policy: Path) -> bool:
    files = [policy, *sorted(policy.parent.glob(policy.name + ".d/*"))]
    words = re.compile(
        r"^(?!\s*#).*(?<!!)\b(log_input|log_stdin|LOG_INPUT|LOG_STDIN)\b", re.MULTILINE
    )
    for file in files:
        try:
            if words.search(file.read_text(errors="replace")):
                return True
        except OSError:
            continue
    return False
