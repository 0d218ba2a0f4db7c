"""The recipe of CONTRIBUTING.md for a new control, followed to the letter and nothing else.

The files that it shows are put into a copy of the source tree; none that is there is changed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from driving import eventually
from recorded import patched

from holdfast.lab import Host

TREE = Path(__file__).parents[2]
COPIED = ("src", "tests", "docs", "pyproject.toml", "CONTRIBUTING.md")
CONTROL = "services.no-telnet"
BLOCK = re.compile(r"`([\w./-]+)`:\n\n```(?:python|json)\n(.*?)```", re.DOTALL)
BLOCKS = dict(BLOCK.findall((TREE / "CONTRIBUTING.md").read_text()))
SHOWN = [
    "src/holdfast/servers/controls/telnet.py",
    f"tests/servers/snapshots/{CONTROL}/gap.json",
    f"tests/servers/snapshots/{CONTROL}/clean.json",
    "tests/servers/controls/test_telnet.py",
]
TELNETD = "telnetd-of-a-test.service"


class Checkout:
    """A copy of the source tree in which the recipe was followed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder / "src")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def holdfast(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "holdfast.cli.main", *arguments)

    def data(self, *arguments: str) -> Any:
        return json.loads(self.holdfast(*arguments, "--format", "json").stdout)

    def snapshot(self, fixture: str) -> str:
        """Write a fixture as the whole snapshot that it stands for; return the file's name."""
        held = self.folder / "tests/servers/snapshots"
        base = json.loads((held / "bookworm-untouched.json").read_text())
        patch = json.loads((held / CONTROL / fixture).read_text())
        whole = self.folder / fixture
        whole.write_text(json.dumps(patched(base, patch)))
        return str(whole)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    folder = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        source = TREE / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for path, text in BLOCKS.items():
        place = folder / path
        assert not place.exists(), f"the recipe changes {path}, which is there already"
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
    renewed = Checkout(folder)
    done = renewed.python("-m", "holdfast.report.control_pages", "docs")  # `make docs`
    assert done.returncode == 0, done.stderr
    return renewed


def passes(done: subprocess.CompletedProcess[str]) -> bool:
    print(done.stdout, done.stderr)
    return done.returncode == 0


def test_the_recipe_shows_one_control_two_fixtures_and_one_test() -> None:
    assert list(BLOCKS) == SHOWN


def test_its_own_tests_and_those_of_every_control_pass(checkout: Checkout) -> None:
    tests = (
        "tests/servers/controls/test_telnet.py",
        "tests/servers/controls/test_attacks.py",
        "tests/servers/controls/test_fixtures.py",
        "tests/servers/controls/test_unreadable.py",
        "tests/servers/test_catalogue.py",
        "tests/report/test_control_pages.py",
        "tests/cli/test_explain.py",
        "tests/cli/test_main.py",
    )
    done = checkout.python("-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", *tests)
    assert passes(done)


def test_it_obeys_the_rules_of_the_code(checkout: Checkout) -> None:
    code = [path for path in SHOWN if path.endswith(".py")]
    assert passes(checkout.python("-m", "ruff", "check", *code))
    assert passes(checkout.python("-m", "ruff", "format", "--check", *code))
    assert passes(checkout.python("-m", "mypy", *code))


def test_it_is_explained(checkout: Checkout) -> None:
    assert CONTROL in checkout.holdfast("explain").stdout
    assert f"{CONTROL}/connect" in checkout.holdfast("explain", CONTROL).stdout


def test_it_has_a_page(checkout: Checkout) -> None:
    pages = checkout.folder / "docs/controls"
    assert (pages / f"{CONTROL}.md").exists()
    assert f"[{CONTROL}]({CONTROL}.md)" in (pages / "README.md").read_text()


@pytest.mark.parametrize(("fixture", "status"), [("gap.json", "gap"), ("clean.json", "pass")])
def test_an_audit_finds_its_gap(checkout: Checkout, fixture: str, status: str) -> None:
    site = ("--site", "tests/servers/snapshots/holdfast.toml")
    found = checkout.data("audit", "app", "--from", checkout.snapshot(fixture), *site)
    (host,) = found["hosts"]
    assert {f["control"]: f["status"] for f in host["findings"]}[CONTROL] == status


def outcomes(checkout: Checkout, site: Path) -> Mapping[str, str]:
    found = checkout.data("prove", "app", "--site", str(site / "holdfast.toml"))
    return {attack["attack"]: attack["outcome"] for attack in found["attacks"]}


def test_its_attack_succeeds_on_a_weak_server_and_is_repelled_by_a_better_one(
    checkout: Checkout, untouched: Callable[[str], Host], lab_site: Path
) -> None:
    host = untouched("bookworm")
    run(host, "systemd-run", f"--unit={TELNETD}", "python3", "-m", "http.server", "23")
    waits = ["sh", "-c", "ss -Hltn 'sport = :23' | grep -q ."]
    eventually(lambda: host.run(waits).returncode == 0, 20, "something listens on port 23")
    assert outcomes(checkout, lab_site)[f"{CONTROL}/connect"] == "succeeded"
    run(host, "systemctl", "stop", TELNETD)
    assert outcomes(checkout, lab_site)[f"{CONTROL}/connect"] == "repelled"


def run(host: Host, *argv: str) -> Sequence[str]:
    return host.check(argv).splitlines()
