"""What is planted is found, what is beside it is not, and a hostile tree decides nothing."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import date
from pathlib import Path

import pytest

from holdfast.cli.main import main
from holdfast.report.code import sarif, text
from holdfast.scan.code import scan
from holdfast.scan.files import MOST_BYTES
from holdfast.scan.finding import Finding, Rule, ScanError, Scanned
from holdfast.scan.secrets import in_history, kinds

PLANTED = Path(__file__).parent / "planted"
TODAY = date(2026, 11, 27)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def planted() -> Scanned:
    return scan(PLANTED, TODAY, history=False)


def wanted() -> set[tuple[str, int, str]]:
    """What each file says that is to be found in it."""
    found = set()
    for path in PLANTED.iterdir():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            marked = re.search(r"finds: (\w+)", line)
            if marked:
                found.add((path.name, number, marked[1]))
    return found


def test_everything_planted_is_found_and_nothing_beside_it(planted: Scanned) -> None:
    assert len(wanted()) >= 30
    assert {(one.path, one.line, one.rule.value) for one in planted.findings} == wanted()
    assert planted.unjudged == ()


def test_five_languages_and_more_are_planted() -> None:
    assert {Path(name).suffix for name, _, _ in wanted()} == {
        *(".py", ".js", ".ts", ".java", ".php", ".go")
    }


def test_sarif_has_each_finding_with_its_rule_and_place(planted: Scanned) -> None:
    (run,) = sarif(planted)["runs"]
    assert len(run["results"]) == len(planted.findings)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] > 0


KEY = "-----BEGIN RSA PRIVATE KEY-----"
SECRETS = {
    "a private key": KEY,
    "a key of a cloud": 'id = "AKIAIOSFODNN7EXAMPLQ"',
    "a token of a forge": "token: ghp_" + "aB3" * 12,
    "a password in the code": 'db_password = "hu7Ter2Xq9Lm"',
    "a key that a program is given": "api_key: 'f3Kq9ZxT71mNp04b'",
    "a password in a URL": 'url = "postgresql://app:s3cReTpw9@10.0.0.5/app"',
}
NO_SECRETS = (
    'password = "change-me-please"',
    'password = "env:PASSWORD"',
    'password = os.environ["PASSWORD"]',
    'secret = "${SECRET}"',
    'url = "postgresql://app@10.0.0.5/app"',
    'token = get_token("user", timeout=30)',
    'hash = "d41d8cd98f00b204e9800998ecf8427e"',
    'label = "Password (at least 15 characters)"',
)


@pytest.mark.parametrize("name", SECRETS)
def test_it_is_a_secret(name: str) -> None:
    assert list(kinds(SECRETS[name]))


@pytest.mark.parametrize("line", NO_SECRETS)
def test_it_is_none(line: str) -> None:
    assert list(kinds(line)) == []


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "settings.ini").write_text('db_password = "hu7Ter2Xq9Lm"\n')
    (tmp_path / "settings.ini").chmod(0o600)
    found = scan(tmp_path, TODAY)
    assert [(one.rule, one.line) for one in found.findings] == [(Rule.SECRET, 1)]
    assert "hu7Ter" not in text(found) + json.dumps(sarif(found))


def test_a_secret_that_others_may_read_is_told_as_well(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text('API_KEY="f3Kq9ZxT71mNp04b"\n')
    for mode, rules in ((0o644, {Rule.SECRET, Rule.READABLE}), (0o600, {Rule.SECRET})):
        path.chmod(mode)
        assert {one.rule for one in scan(tmp_path, TODAY).findings} == rules


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    return tmp_path


def commit(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x")


def test_a_secret_that_was_removed_is_in_the_history(repository: Path) -> None:
    commit(repository, "settings.py", 'PASSWORD = "hu7Ter2Xq9Lm"\n')
    commit(repository, "settings.py", "PASSWORD = None\n")
    (found,) = scan(repository, TODAY).findings
    assert (found.rule, found.path, len(found.commit)) == (Rule.SECRET, "settings.py", 12)
    assert scan(repository, TODAY, history=False).findings == ()


PROGRAMS = ("core.fsmonitor", "diff.external", "core.pager", "core.sshCommand", "gpg.program")


def test_a_repository_runs_nothing(repository: Path) -> None:
    commit(repository, "a.txt", "x\n")
    ran = repository / "ran"
    program = repository / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    for name in PROGRAMS:
        git(repository, "config", name, str(program))
    git(repository, "config", "diff.evil.textconv", str(program))
    git(repository, "config", "diff.evil.command", str(program))
    git(repository, "config", "log.showSignature", "true")
    (repository / ".gitattributes").write_text("* diff=evil\n")
    ran.unlink(missing_ok=True)
    in_history(repository)
    assert not ran.exists()
    subprocess.run(["git", "-C", str(repository), "log", "-p", "--ext-diff"], capture_output=True)
    assert ran.exists()  # as it does for who is not careful


QUIET = {
    "a comment for bandit": "db.execute(f\"SELECT * FROM t WHERE a = '{a}'\")  # nosec\n",
    "a comment for semgrep": 'db.execute("SELECT * FROM t WHERE a = " + a)  # nosemgrep\n',
}


@pytest.mark.parametrize("name", QUIET)
def test_a_line_does_not_switch_a_rule_off(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.py").write_text(QUIET[name])
    (tmp_path / ".semgrepignore").write_text("*.py\n")
    (tmp_path / ".bandit").write_text("[bandit]\nskips = B608\n")
    (tmp_path / ".gitignore").write_text("*.py\n")
    assert [one.rule for one in scan(tmp_path, TODAY).findings] == [Rule.SQL]


def test_links_out_of_the_tree_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text(KEY + "\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link").symlink_to(outside)
    (tree / "folder").symlink_to(tmp_path)
    assert scan(tree, TODAY).findings == ()


def test_what_is_too_large_or_no_code_is_told(tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_bytes(b"a" * (MOST_BYTES + 1))
    (tmp_path / "broken.py").write_text("def (:\n")
    (tmp_path / "binary.py").write_bytes(b"\x00\xff")
    found = scan(tmp_path, TODAY)
    assert "broken.py" in found.unjudged
    assert any("large.txt" in note for note in found.notes)


def test_hostile_names_are_shown_escaped(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2J\nb.txt").write_text(KEY + "\n")
    shown = text(scan(tmp_path, TODAY))
    assert "\x1b" not in shown
    assert "a\n" not in shown


EXCEPTIONS = '[[let-be]]\nrule = "secret"\npath = "*.txt"\nbecause = "made for a test"\n'


def test_what_is_let_be_is_no_finding_until_its_time_is_over(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(KEY + "\n")
    path = tmp_path / ".holdfast-scan.toml"
    path.write_text(EXCEPTIONS)
    assert scan(tmp_path, TODAY).open == ()
    assert scan(tmp_path, TODAY).findings[0].because == "made for a test"
    path.write_text(EXCEPTIONS + "until = 2026-11-26\n")
    assert len(scan(tmp_path, TODAY).open) == 1


WRONG = {
    "no TOML": ("[[", "Invalid"),
    "an unknown rule": (EXCEPTIONS.replace("secret", "secrets"), "let-be.0.rule"),
    "an unknown key": (EXCEPTIONS + "x = 1\n", "let-be.0.x"),
    "no reason": (EXCEPTIONS.replace("made for a test", ""), "let-be.0.because"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_list_of_exceptions_that_is_wrong_is_refused(tmp_path: Path, name: str) -> None:
    content, where = WRONG[name]
    (tmp_path / ".holdfast-scan.toml").write_text(content)
    with pytest.raises(ScanError, match=re.escape(where)):
        scan(tmp_path, TODAY)


# The command


def test_the_command_ends_with_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", "code", str(tmp_path)]) == 0
    assert "nothing found" in capsys.readouterr().out
    (tmp_path / "a.txt").write_text(KEY + "\n")
    output = tmp_path.parent / "out.sarif"
    argv = ["scan", "code", str(tmp_path), "--format", "sarif", "--output", str(output)]
    assert main(argv) == 1
    assert json.loads(output.read_text())["version"] == "2.1.0"
    assert main(["scan", "code", str(tmp_path), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["rule"] == "secret"


def test_a_folder_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", "code", str(tmp_path / "nowhere")]) == 2
    assert "there is no such folder" in capsys.readouterr().err


@pytest.mark.every
def test_this_projects_own_tree_has_nothing_but_what_is_listed() -> None:
    found: tuple[Finding, ...] = scan(ROOT, TODAY).open
    assert found == ()
