"""Keys and checkpoints: the published ones of Go's `sumdb/note`, and whatever is none refused."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.trail.note import Checkpoint, NoteError, Signer, Verifier, opened, signed

# golang.org/x/mod/sumdb/note/note_test.go
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = (
    b"If you think cryptography is the answer to your problem,\n"
    b"then you don't know what your problem is.\n"
)
SIGNATURE = (
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
)

SIGNER = Signer.new("holdfast/test")
STATE = SIGNER.checkpoint(7, b"r" * 32)
NOTE = signed(STATE, SIGNER.signature(STATE), SIGNER.verifier)


def test_published_keys_are_read_and_written() -> None:
    assert str(Verifier.parse(PUBLIC)) == PUBLIC
    signer = Signer.parse(PRIVATE)
    assert signer.secret_text().strip() == PRIVATE
    assert str(signer.verifier) == PUBLIC


def test_the_published_signature_is_ours_too() -> None:
    class Text(Checkpoint):
        def text(self) -> bytes:
            return TEXT

    signer = Signer.parse(PRIVATE)
    made = signer.verifier.number() + signer.signature(Text("PeterNeumann", 0, b""))
    assert base64.b64encode(made).decode() == SIGNATURE


def test_every_piece_of_a_key_is_none() -> None:
    for start in range(len(PUBLIC)):
        for stop in range(start + 1, len(PUBLIC) + 1):
            if (start, stop) != (0, len(PUBLIC)):
                with pytest.raises(NoteError):
                    Verifier.parse(PUBLIC[start:stop])


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_another_algorithm_or_length_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Verifier.parse(text)


def test_a_private_key_is_never_repeated() -> None:
    for text in (PRIVATE[:-4], PRIVATE.replace("c74f", "c74e"), PUBLIC):
        with pytest.raises(NoteError) as refused:
            Signer.parse(text)
        assert "YEKFALV" not in str(refused.value)


def test_a_checkpoint_is_opened_by_its_key_only() -> None:
    assert opened(NOTE, SIGNER.verifier) == STATE
    with pytest.raises(NoteError, match="has not signed"):
        opened(NOTE, Signer.new("holdfast/test").verifier)
    with pytest.raises(NoteError, match="has not signed"):
        opened(NOTE, Signer.new("other").verifier)


def test_a_witness_may_sign_beside_it() -> None:
    witness = Signer.new("witness")
    number = witness.verifier.number() + b"x" * 64
    line = f"— witness {base64.b64encode(number).decode()}\n"
    assert opened(NOTE + line, SIGNER.verifier) == STATE


@given(st.data())
def test_an_altered_checkpoint_is_refused_or_the_same(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(NOTE) - 1))
    text = NOTE[:place] + data.draw(st.text(max_size=3)) + NOTE[place + 1 :]
    with contextlib.suppress(NoteError):
        assert opened(text, SIGNER.verifier) == STATE


def test_a_name_is_a_name() -> None:
    for name in ("", "two words", "a+b", "x" * 101, "line\nbreak"):
        with pytest.raises(NoteError, match="is named"):
            Signer.new(name)
