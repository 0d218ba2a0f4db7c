"""What the support desk is told by the configuration, and what it does not take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from holdfast.accounts.configuration import Configuration, ConfigurationError, load
from holdfast.accounts.support import channels

SECRET = "AC0123456789:topsecret"


def told(text: str, folder: Path) -> Configuration:
    path = folder / "accounts.toml"
    path.write_text(text)
    kept: Mapping[str, str] = {"file:sms": f"json://{SECRET}@localhost/{{to}}"}
    return load(path, {}, lambda key, given: kept.get(given, given))


def test_a_channel_is_a_reference_to_a_url(tmp_path: Path) -> None:
    found = told('[support.channels.sms]\nurl = "file:sms"\n', tmp_path)
    channels.check(found)
    assert SECRET in found.support.channels["sms"].url.get_secret_value()
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("views_an_hour = 0", "views_an_hour"),
        ("alert_at = 700", "alert_at: no agent sees so many"),
        ('[support.channels.mail]\nurl = "file:sms"', "channels: mail is there without one"),
        ('[support.channels.sms]\nurl = "json://localhost/"', "write {to}"),
        ('[support.channels.SMS]\nurl = "file:sms"', "channels"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        told(f"[support]\n{text}\n", tmp_path)


def test_a_url_that_apprise_does_not_know_is_refused_and_not_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = told(f'[support.channels.sms]\nurl = "nonsense://{SECRET}/{{to}}"\n', tmp_path)
    with pytest.raises(ConfigurationError, match="apprise does not know") as error:
        channels.check(found)
    assert SECRET not in str(error.value) + "".join(capfd.readouterr())
