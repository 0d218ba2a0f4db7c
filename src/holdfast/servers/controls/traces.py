"""What programs leave behind is nobody else's: no memory on disk, no files that everybody reads.

The guide leaves this out. A dump of a web server's memory holds passwords and keys of its users.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from holdfast.servers.attack import (
    Attack,
    Attacker,
    Kind,
    Verdict,
    inconclusive,
    repelled,
    succeeded,
)
from holdfast.servers.control import Control, Gap, Phase, Principle, Severity, Want
from holdfast.servers.snapshot import CannotJudge, Snapshot, judged
from holdfast.servers.traces import (
    LOGIN_DEFS,
    MASK,
    NO_CORE_DUMPS,
    lets_others_read,
    umask_line,
)
from holdfast.site import Host, Site

RAISE_THE_LIMIT = ("sh", "-c", "ulimit -c unlimited 2>/dev/null; ulimit -c")
SHOWN = 100  # characters of a host's own text in a verdict


def gaps(host: Host, snapshots: Mapping[str, Snapshot], site: Site) -> Iterable[Gap]:
    """Yield what writes memory down, and what makes new files readable for everybody."""
    snapshot = snapshots[host.name]
    yield from _core_dumps(snapshot)
    yield from _umask(snapshot)


def _core_dumps(snapshot: Snapshot) -> Iterator[Gap]:
    missing = []
    for path, text in NO_CORE_DUMPS.items():
        held = snapshot.files.get(path)
        if held is None or judged(held).content != text:
            missing.append(path)
    if missing:
        want = Want("core dumps", "written", "no", Phase.WIDEN)
        evidence = f"not there, or not as Holdfast writes them: {', '.join(missing)}"
        yield Gap("a program that crashes writes its memory to disk", evidence, wants=(want,))


def _umask(snapshot: Snapshot) -> Iterator[Gap]:
    held = snapshot.files.get(LOGIN_DEFS)
    if held is None:
        raise CannotJudge(f"there is no {LOGIN_DEFS}")
    line = umask_line(judged(held).content or "")
    if line is None or lets_others_read(line):
        want = Want("login.defs", "UMASK", MASK, Phase.WIDEN)
        evidence = f"{LOGIN_DEFS}: {'no line UMASK' if line is None else line.strip()}"
        yield Gap("new files and homes can be read by everybody", evidence, wants=(want,))


async def _ask_for_core_dumps(attacker: Attacker) -> Verdict:
    ran = await attacker.run(RAISE_THE_LIMIT)
    limit = ran.output.strip()
    if limit == "0":
        return repelled(f"{attacker.login} may not have a core dump written")
    if limit == "unlimited" or limit.isdecimal():
        return succeeded(f"{attacker.login} may have one written, of size {limit}")
    return inconclusive(f"the limit could not be asked for: {limit[:SHOWN] or 'no answer'}")


FILES_PRIVATE = Control(
    id="files.private",
    title="What programs leave behind is nobody else's",
    principle=Principle.LEAST_PRIVILEGE,
    source="G3",
    severity=Severity.MEDIUM,
    stops="passwords and keys lie in dumps of memory, and homes are open to every other account",
    changes=(
        "Has no core dump written, whoever starts a program, and makes 027 the mask of new homes "
        "and of sessions that ask login.defs for it. Files that are there keep their mode."
    ),
    deviates="The guide leaves core dumps and the mask of new files out.",
    gaps=gaps,
    attacks=(
        Attack(
            "core-dump",
            "ask for a crashing program's memory to be written down",
            "the host itself",
            Kind.SAFE,
            _ask_for_core_dumps,
        ),
    ),
)
