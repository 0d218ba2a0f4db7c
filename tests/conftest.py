"""What tests share: throw-away servers, one lab per worker, put back before each test."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from holdfast.lab import Host, Lab
from throwaway import EVERY_STEP, FIRST_SLOT, OUTSIDER, SEED, SERVERS, UNTOUCHED


def pytest_report_header() -> str:
    """Say how the fault loops sampled their steps, so that a failure can be repeated."""
    return f"fault steps: {'every one' if EVERY_STEP else f'sampled, HOLDFAST_SEED={SEED}'}"


def pytest_configure(config: pytest.Config) -> None:
    os.environ["HOLDFAST_SEED"] = str(SEED)  # workers sample as their parent does
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what is in its back
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """A program that was called in this process leaves its umask to no other test."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def needs_root() -> None:
    """Skip, saying so, where servers cannot be started; with CI=true that is a failure."""
    if os.geteuid() == 0:
        return
    reason = "needs root on a Debian machine: servers are started with systemd-nspawn"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def lab(needs_root: None) -> Iterator[Lab]:
    """One lab per worker: an application host, a database host, and a stranger to the site."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    slot = FIRST_SLOT + worker
    lab = Lab(f"test-{slot}", slot)
    lab.down()
    lab.up([*SERVERS.values(), OUTSIDER])
    try:
        for host in lab.hosts.values():
            host.snapshot(UNTOUCHED)
        yield lab
    finally:
        lab.down()


@pytest.fixture
def lab_site(lab: Lab) -> Path:
    """The folder with the lab's holdfast.toml and keys; its history is emptied before each test."""
    for kind in ("runs", "snapshots"):
        for path in sorted((lab.site / ".holdfast" / kind).glob("**/*.json")):
            path.unlink()
    return lab.site


@pytest.fixture
def untouched(lab: Lab) -> Callable[[str], Host]:
    """Return the server of a release, put back to what a provider hands over."""

    def back(release: str) -> Host:
        host = lab.host(SERVERS[release].name)
        host.reset(UNTOUCHED)
        return host

    return back


@pytest.fixture
def lab_hosts(lab: Lab, untouched: Callable[[str], Host]) -> Mapping[str, Host]:
    """Both servers by release, untouched."""
    return {release: untouched(release) for release in SERVERS}
