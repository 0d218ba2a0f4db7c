"""What sshd decides about a keyword, for whom, and the gap where that is not what is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from holdfast.servers.control import Gap, Phase, Want
from holdfast.servers.snapshot import (
    CannotJudge,
    EffectiveSshd,
    Snapshot,
    Sshd,
    Unreadable,
    judged,
)
from holdfast.servers.sshd_config import FILE, parse

Decision = tuple[EffectiveSshd, str]

UNSET = "unset"  # what `sshd -T` does not report, since this release does not know it


def judged_sshd(snapshot: Snapshot) -> Sshd:
    """Return what sshd decides. Raises CannotJudge where that could not be read."""
    sshd = judged(snapshot.sshd)
    if not sshd.effective:
        raise CannotJudge("sshd -T was asked about nobody")
    return sshd


def decisions(sshd: Sshd, keyword: str) -> Iterator[Decision]:
    """Yield the keyword's value for each person and each kind of client."""
    for effective in sshd.effective:
        yield effective, " ".join(effective.settings.get(keyword.lower(), (UNSET,)))


def setting_gap(
    keyword: str,
    wanted: str,
    wrong: Sequence[Decision],
    snapshot: Snapshot,
    phase: Phase = Phase.NARROW,
    what: str = "",
) -> Iterator[Gap]:
    """Yield the gap of a keyword that is decided wrong for somebody; `what` says it in words.

    Manual where our file says the right thing already: then somebody's file goes before it.
    """
    if not wrong:
        return
    subject, value = wrong[0]
    what = what or f"sshd has {keyword} {value}, not {wanted}"
    evidence = f"sshd -T for {subject.user} from {subject.address}: {keyword.lower()} {value}"
    if written_by_us(snapshot).get(keyword) == wanted:
        others = ", ".join(_mentions(keyword, snapshot)) or "a file that is read before"
        yield Gap(what, evidence, mend=f"{FILE} is overridden: remove {keyword} from {others}")
        return
    yield Gap(what, evidence, wants=(Want("sshd", keyword, wanted, phase),))


def written_by_us(snapshot: Snapshot) -> Mapping[str, str]:
    """Return the settings of our own file, none where it is not there."""
    held = snapshot.files.get(FILE)
    return {} if held is None else parse(judged(held).content or "")


def _mentions(keyword: str, snapshot: Snapshot) -> Iterator[str]:
    """Yield FILE:LINE of each place that sets a keyword, except our own file."""
    for path, held in sorted(snapshot.files.items()):
        if not path.startswith("/etc/ssh/") or path == FILE or isinstance(held, Unreadable):
            continue
        for number, line in enumerate((held.content or "").splitlines(), 1):
            if line.strip().lower().replace("=", " ").startswith(keyword.lower() + " "):
                yield f"{path}:{number}"


def unread_configuration(sshd: Sshd) -> Iterator[Gap]:
    """Yield the gap of a daemon that has not read what lies on the disk.

    While there is one, nothing may be wanted of sshd: a reload would bring somebody's unread
    lines to life, and no revert undoes that.
    """
    if sshd.running and sshd.changed > sshd.loaded:
        yield Gap(
            "sshd runs with an older configuration than the one on disk",
            f"changed {sshd.changed - sshd.loaded:.0f} s after the daemon last read it",
            mend="read what was changed, keep a session open, then: "
            "sudo sshd -t && sudo systemctl reload ssh",
        )
