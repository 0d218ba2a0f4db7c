"""What the SSH server of a snapshot decides, for whom, and the gap where that is not wanted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from holdfast.servers.control import Gap, Phase, Want
from holdfast.servers.snapshot import CannotJudge, EffectiveSshd, Snapshot, Sshd, Unreadable, judged
from holdfast.servers.sshd_config import FILE, as_written, parse

UNSET = "unset"  # what `sshd -T` does not report, since this release does not know it

Apart = Mapping[str, Collection[str]]  # account → the keywords that stand in its own block


@dataclass(frozen=True)
class Decision:
    """The value of a keyword for one user from one address, as `sshd -T` prints it."""

    user: str
    address: str
    keyword: str
    value: str

    @property
    def evidence(self) -> str:
        return f"sshd -T for {self.user} from {self.address}: {self.keyword.lower()} {self.value}"


def judged_sshd(snapshot: Snapshot) -> Sshd:
    """Return what sshd decides. Raises CannotJudge where that could not be read."""
    sshd = judged(snapshot.sshd)
    if not sshd.effective:
        raise CannotJudge("sshd -T was asked about nobody")
    return sshd


def decisions(sshd: Sshd, keyword: str, apart: Apart) -> Iterator[Decision]:
    """Yield what is decided for everybody whom `Match all` is to decide it for."""
    for effective in sshd.effective:
        if keyword not in apart.get(effective.user, ()):
            yield decision(effective, keyword)


def decision(effective: EffectiveSshd, keyword: str) -> Decision:
    """Return one subject's value of a keyword; lists are joined by spaces."""
    value = " ".join(effective.settings.get(keyword.lower(), (UNSET,)))
    return Decision(effective.user, effective.address, keyword, value)


def setting_gap(
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
    first = wrong[0]
    what = what or f"sshd has {first.keyword} {first.value}, not {wanted}"
    if written_by_us(snapshot).get(first.keyword) == wanted and not edited(snapshot):
        yield Gap(what, first.evidence, mend=overridden(first.keyword, snapshot))
        return
    yield Gap(what, first.evidence, wants=(Want("sshd", first.keyword, wanted, phase),))


def overridden(keyword: str, snapshot: Snapshot) -> str:
    """Return what a person does where another file goes before ours."""
    return f"{FILE} is overridden: remove {keyword} from {places(keyword, snapshot)}"


def places(keyword: str, snapshot: Snapshot) -> str:
    """Return where others' files set a keyword, as far as those files were read."""
    return ", ".join(_mentions(keyword, snapshot)) or "a file that is read before"


def written_by_us(snapshot: Snapshot) -> Mapping[str, str]:
    """Return the settings of our own file, none where there is none."""
    return parse(_own_text(snapshot))


def edited(snapshot: Snapshot) -> bool:
    """Whether our own file was brought into a form that we do not write."""
    text = _own_text(snapshot)
    return bool(parse(text)) and not as_written(text)


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
            mend="read what was changed, keep a session open, then: sudo sshd -t && "
            f"sudo systemctl {'restart' if sshd.socket_activated else 'reload'} ssh",
        )


@dataclass(frozen=True)
class MatchedLine:
    """A line inside a Match block of somebody else."""

    path: str
    number: int
    block: str
    line: str
    keyword: str


def foreign_matches(snapshot: Snapshot, keywords: Collection[str]) -> Iterator[MatchedLine]:
    """Yield the lines in others' Match blocks that set one of these keywords.

    Raises CannotJudge where a file that sshd reads is no readable text.
    """
    wanted = {keyword.lower() for keyword in keywords}
    for path in (path for path in judged(snapshot.sshd).config_files if path != FILE):
        held = snapshot.files.get(path)
        if held is None or judged(held).content is None:
            raise CannotJudge(f"{path}, which sshd reads, is no readable text")
        block = ""
        for number, line in enumerate((judged(held).content or "").splitlines(), 1):
            words = line.strip().replace("=", " ").lower().split()
            if words[:1] == ["match"]:
                block = line.strip()
            elif block and words and words[0] in wanted:
                yield MatchedLine(path, number, block, line.strip(), words[0])


def _own_text(snapshot: Snapshot) -> str:
    held = snapshot.files.get(FILE)
    return "" if held is None else (judged(held).content or "")
