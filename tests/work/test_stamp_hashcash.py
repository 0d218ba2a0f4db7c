"""Stamps of ours for the `hashcash` program of Debian, and stamps of its for us."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.work.spent import Memory
from holdfast.work.stamp import Precision, Reason, Refused, Stamp, check, mint, parse, zeros

pytestmark = pytest.mark.skipif(
    shutil.which("hashcash") is None, reason="needs the program of Debian's package hashcash"
)
WIDTHS = {Precision.DAY: 6, Precision.MINUTE: 10, Precision.SECOND: 12}
TABLE = [
    (0, "foo", "", Precision.DAY),
    (1, "127.0.0.1", "", Precision.SECOND),
    (8, "alice@example.com", "", Precision.DAY),
    (12, "Alice.B+tag@Example.COM", "a=1,2;b", Precision.MINUTE),
    (
        16,
        "https//example.org/?q=a&b=[c]",
        "name1=2,3;name2;name3=var1=2,var2=3,2,val",
        Precision.DAY,
    ),
    (20, f"{'x' * 64}@{'y' * 180}.example", "", Precision.SECOND),
]


def hashcash(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["hashcash", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "TZ": "XXX-9"},  # far from UTC
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def judged(stamp: Stamp, resource: str, bits: int, folder: Path) -> tuple[int, str]:
    """How the program ends that keeps what was spent, and why."""
    done = hashcash("-cd", "-S", "-b", str(bits), "-r", resource, str(stamp), folder=folder)
    return done.returncode, done.stderr


@pytest.mark.parametrize(("bits", "resource", "ext", "precision"), TABLE)
def test_ours_are_accepted_once(
    bits: int, resource: str, ext: str, precision: Precision, tmp_path: Path
) -> None:
    stamp = mint(resource, bits, ext=ext, precision=precision)
    code, said = judged(stamp, resource, bits, tmp_path)
    assert code == 0, said
    code, said = judged(stamp, resource, bits, tmp_path)
    assert (code, "spent" in said) == (1, True)


@pytest.mark.parametrize(("bits", "resource", "ext", "precision"), TABLE)
def test_theirs_are_accepted_once(
    bits: int, resource: str, ext: str, precision: Precision, tmp_path: Path
) -> None:
    extension = ["-x", ext] if ext else []
    words = ["-mq", "-b", str(bits), "-z", str(WIDTHS[precision]), *extension, resource]
    text = hashcash(*words, folder=tmp_path).stdout.strip()
    stamp, now, spent = parse(text), datetime.now(UTC), Memory()
    assert (stamp.bits, stamp.resource, stamp.ext) == (bits, resource.lower(), ext)
    check(text, resource, bits, now, spent)
    with pytest.raises(Refused) as refused:
        check(text, resource, bits, now, spent)
    assert refused.value.reason is Reason.SPENT


def test_their_dates_are_of_utc_as_ours(tmp_path: Path) -> None:
    theirs = parse(hashcash("-mq", "-b", "1", "-z", "12", "foo", folder=tmp_path).stdout.strip())
    ours = mint("foo", 1, precision=Precision.SECOND)
    assert abs(theirs.made_at - ours.made_at) < timedelta(minutes=2)


def test_both_count_the_same_bits(tmp_path: Path) -> None:
    text = "1:44:070217:foo::xSi0bPjoswUh6h1Y:TMNI7"
    assert hashcash("-wq", text, folder=tmp_path).stdout.strip() == "44"  # claimed ones count
    assert zeros(text) == 45


def refusals() -> list[tuple[Stamp, str, int]]:
    good = mint("foo", 8)
    old = mint("foo", 8, at=datetime.now(UTC) - timedelta(days=31))
    new = mint("foo", 8, at=datetime.now(UTC) + timedelta(days=4))
    return [(good, "bar", 8), (good, "foo", 9), (old, "foo", 8), (new, "foo", 8)]


@pytest.mark.parametrize(
    "case", range(4), ids=["another resource", "more bits", "expired", "in the future"]
)
def test_both_refuse_the_same(case: int, tmp_path: Path) -> None:
    stamp, resource, bits = refusals()[case]
    assert judged(stamp, resource, bits, tmp_path)[0] == 1
    with pytest.raises(Refused):
        check(str(stamp), resource, bits, datetime.now(UTC), Memory())
