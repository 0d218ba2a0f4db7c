from __future__ import annotations

import pytest

from holdfast.site import Refused
from holdfast.site.age_recipient import ALPHABET, recipient

# The first stands in the documentation of age, the second is of the bytes 1 to 32.
GOOD = [
    "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
    "age1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5z5tpwxqergd3c8g7rusqmwn7f2",
]


@pytest.mark.parametrize("text", GOOD)
def test_a_public_key_is_taken(text: str) -> None:
    assert recipient(text) == text


@pytest.mark.parametrize("place", range(4, 62))
def test_one_wrong_character_is_seen(place: int) -> None:
    wrong = ALPHABET[(ALPHABET.index(GOOD[0][place]) + 1) % 32]
    with pytest.raises(Refused, match="its checksum differs"):
        recipient(GOOD[0][:place] + wrong + GOOD[0][place + 1 :])


@pytest.mark.parametrize("text", ["", "age1", "ssh-ed25519 AAAA", GOOD[0][:-1], GOOD[0].upper()])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="public key of age"):
        recipient(text)


def test_a_private_key_is_named_and_never_repeated() -> None:
    with pytest.raises(Refused, match="this is a private key") as caught:
        recipient("AGE-SECRET-KEY-1HUNTER2")
    assert "HUNTER2" not in str(caught.value)
