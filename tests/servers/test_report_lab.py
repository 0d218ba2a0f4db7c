"""The report on a real server, before and after it was changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from driving import apply, holdfast

from holdfast.lab import Host
from throwaway import OFTEN


@pytest.mark.parametrize("release", OFTEN)
def test_a_real_server_is_told_from_its_gaps_to_their_end(
    release: str, untouched: Callable[[str], Host], lab_site: Path
) -> None:
    host = untouched(release).name
    holdfast("audit", host, site=lab_site)
    holdfast("prove", host, site=lab_site)
    before = holdfast("report", "--format", "json", site=lab_site).data
    assert apply(lab_site, host).code == 0
    holdfast("prove", host, site=lab_site)
    after = holdfast("report", "--format", "json", site=lab_site).data

    assert "ssh.keys-only" in {one["control"] for one in before["standing"]}
    assert "ssh.keys-only" not in {one["control"] for one in after["standing"]}
    last = after["runs"][-1]["happened"]
    assert {one["event"] for one in last if one["control"] == "ssh.keys-only"} == {"gap closed"}
    ends = {
        (one["first"]["outcome"], one["last"]["outcome"])
        for one in after["attacks"]
        if one["attack"] == "ssh.keys-only/root-with-key"
    }
    assert ends == {("succeeded", "repelled")}
