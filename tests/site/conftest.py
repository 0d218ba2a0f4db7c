from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.site import Site, SiteError, parse_site

EXAMPLE = Path(__file__).parent / "holdfast.toml"

Change = tuple[str, str]
Refusal = Callable[..., str]


@pytest.fixture(scope="session")
def example() -> str:
    """The text of the design's example, with real keys."""
    return EXAMPLE.read_text()


@pytest.fixture(scope="session")
def site(example: str) -> Site:
    return parse_site(example, path=EXAMPLE)


@pytest.fixture(scope="session")
def changed(example: str) -> Callable[..., str]:
    """The example with some of its text replaced; what is replaced must be there once."""

    def change(*changes: Change) -> str:
        text = example
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} is not there once"
            text = text.replace(old, new)
        return text

    return change


@pytest.fixture(scope="session")
def refusal() -> Refusal:
    """The message of the `SiteError` that a text raises."""

    def message(text: str) -> str:
        with pytest.raises(SiteError) as caught:
            parse_site(text, path=Path("holdfast.toml"))
        return str(caught.value)

    return message


@pytest.fixture
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No agent, whatever runs on this machine."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def agent(no_agent: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An agent of its own, ended afterwards."""
    socket = tmp_path / "agent"
    with subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it says where it listens once it does
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        yield socket
        process.terminate()
