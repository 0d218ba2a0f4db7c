"""What a transaction would do is tried out beside the host: what locks people out is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.servers.firewall_table import loadable, render
from holdfast.servers.hand import doors, validate
from holdfast.servers.hand.failed import Failed
from holdfast.servers.hand.step import Step
from holdfast.servers.hand.steps import step
from holdfast.servers.hand.validate import doors_before, try_out

pytestmark = pytest.mark.usefixtures("needs_root")

AUTH, PASSWORDS = "/etc/pam.d/common-auth", "/etc/pam.d/common-password"
PASSWORD = {"kind": "password", "account": "holdfast-new", "password": "correct horse"}


def writes(path: str, content: str, read_by: str = "") -> dict[str, Any]:
    facts = {"mode": 0o644, "owner": "root", "group": "root", "read_by": read_by}
    return {"kind": "file", "path": path, "content": content, **facts}


@pytest.fixture(autouse=True)
def untouched() -> Iterator[None]:
    """Whatever is tried out, this machine's own accounts and stacks stay as they are."""

    def etc() -> dict[str, str]:
        paths = [Path("/etc/passwd"), Path("/etc/shadow"), *Path("/etc/pam.d").iterdir()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    before = etc()
    yield
    assert etc() == before


def tried(steps: list[Step]) -> None:
    """Try the steps out as a transaction does, which looks at PAM first."""
    try_out(steps, doors_before(steps))


def refusal(*wires: dict[str, Any]) -> str:
    with pytest.raises(Failed) as caught:
        tried([step(wire) for wire in wires])
    assert caught.value.kind == "invalid"
    return str(caught.value)


def test_what_harms_nobody_passes() -> None:
    text = Path(AUTH).read_text() + "# a comment\n"
    tried([step(writes(AUTH, text))])


def test_a_stack_that_denies_everybody_is_refused() -> None:
    assert "PAM would refuse" in refusal(writes(AUTH, "auth required pam_deny.so\n"))


def test_a_stack_that_permits_everybody_is_refused() -> None:
    assert "any password" in refusal(writes(AUTH, "auth required pam_permit.so\n"))


def test_a_limit_that_locks_everybody_out_is_refused() -> None:
    access = "account required pam_access.so\n" + Path("/etc/pam.d/common-account").read_text()
    wires = (
        writes("/etc/pam.d/common-account", access),
        writes("/etc/security/access.conf", "-:ALL:ALL\n"),
    )
    assert "login for anybody" in refusal(*wires)


def test_a_password_that_the_new_rules_refuse_is_refused_before_it_is_set() -> None:
    message = refusal(writes(PASSWORDS, "password required pam_deny.so\n"), PASSWORD)
    assert "correct horse" not in message


def test_a_password_is_tried_alone_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(account: str, password: str) -> None:
        raise Failed(f"{account} was asked for", "invalid")

    monkeypatch.setattr(doors, "require_password", fails)
    assert refusal(PASSWORD) == "holdfast-new was asked for"


def test_a_password_that_is_taken_passes() -> None:
    tried([step({**PASSWORD, "password": "correct horse battery staple"})])


def test_the_way_back_of_a_password_has_none_to_try() -> None:
    tried([step({"kind": "password", "account": "holdfast-new"})])


def test_a_profile_of_pam_is_tried_out() -> None:
    profile = {"kind": "pam", "name": "mkhomedir", "stack": "session", "module": "pam_no_such.so"}
    with pytest.raises(Failed, match="pam-auth-update"):
        tried([step(profile)])


def test_a_profile_of_pam_that_harms_nobody_passes() -> None:
    module = "pam_mkhomedir.so"
    tried([step({"kind": "pam", "name": "mkhomedir", "stack": "session", "module": module})])


def test_a_program_that_refuses_a_file_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    check = (("/etc/holdfast-test",), ["grep", "good", "/etc/holdfast-test"])
    monkeypatch.setattr(validate, "CHECKS", (check,))
    assert "grep good would refuse it" in refusal(writes("/etc/holdfast-test", "bad\n"))
    tried([step(writes("/etc/holdfast-test", "good\n"))])
    assert not Path("/etc/holdfast-test").exists()


def test_a_program_is_not_asked_about_what_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "CHECKS", ((("/etc/other",), ["false"]),))
    tried([step(writes("/etc/holdfast-test", "x\n"))])


def test_a_program_that_is_not_installed_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    check = (("/etc/holdfast-test",), ["holdfast-no-such-program"])
    monkeypatch.setattr(validate, "CHECKS", (check,))
    tried([step(writes("/etc/holdfast-test", "x\n"))])


@pytest.mark.parametrize(
    "wire",
    [
        writes("/var/holdfast-test/x", "outside of /etc"),
        writes("/etc/systemd/system/holdfast-test.service", "x", read_by="systemd"),
        {"kind": "packages", "names": ["holdfast-no-such-package"]},
        {"kind": "running", "name": "holdfast-no-such.timer"},
    ],
    ids=["elsewhere", "a unit", "packages", "a start"],
)
def test_what_cannot_be_tried_beside_the_host_is_left_to_the_transaction(
    wire: dict[str, Any],
) -> None:
    tried([step(wire)])
    assert not Path(str(wire.get("path", "/nowhere"))).exists()


def test_nft_is_asked_about_a_table() -> None:
    assert "nft -c would refuse" in refusal({"kind": "firewall", "text": "table inet x { nonsense"})
    tried([step({"kind": "firewall", "text": loadable(render(["tcp dport 22 accept"]))})])
