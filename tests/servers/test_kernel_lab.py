"""On real servers: parameters, dumps and masks are set, outlast a reboot, and come back by undo."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from driving import apply, holdfast

from holdfast.lab import Host
from holdfast.servers.traces import NO_CORE_DUMPS
from throwaway import SERVERS

pytestmark = pytest.mark.usefixtures("needs_root")

REDIRECTS = "/proc/sys/net/ipv4/conf/host0/accept_redirects"
ASKED = (REDIRECTS, "/proc/sys/net/ipv4/conf/all/log_martians")
FILES = (*NO_CORE_DUMPS, "/etc/sysctl.d/zz-holdfast.conf", "/etc/modprobe.d/holdfast.conf")


def values(host: Host) -> list[str]:
    return host.check(["cat", *ASKED]).split()


def there(host: Host) -> list[str]:
    return [path for path in FILES if host.run(["test", "-e", path]).returncode == 0]


@pytest.mark.parametrize("release", SERVERS)
def test_it_holds_after_a_reboot_and_comes_back_by_undo(
    release: str, lab_hosts: Mapping[str, Host], lab_site: Path
) -> None:
    host = lab_hosts[release]
    before, masks = values(host), host.check(["cat", "/etc/login.defs"])
    assert before == ["1", "0"]
    assert there(host) == []
    assert apply(lab_site, host.name).code in (0, 1)
    assert values(host) == ["0", "1"]
    assert there(host) == list(FILES)
    assert "\nUMASK\t\t027\n" in host.check(["cat", "/etc/login.defs"])
    assert "CRON_CHECK=weekly" in host.check(["cat", "/etc/default/debsums"])
    limit = host.check(["sh", "-lc", "ulimit -c"])
    assert limit.strip() == "0"
    host.reboot()
    assert values(host) == ["0", "1"]
    words = ("undo", host.name, "--yes", "--format", "json")
    while (undone := holdfast(*words, site=lab_site)).code == 0:
        assert set(undone.data) == {"site", "at", "host", "undone"}
    assert values(host) == before
    assert there(host) == []
    assert host.check(["cat", "/etc/login.defs"]) == masks
