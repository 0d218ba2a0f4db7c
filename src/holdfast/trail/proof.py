"""A proof that one entry is in a trail, in a form that stands by itself.

`verify` needs nothing but the proof and the trail's public key: neither the trail nor its other
entries, which the proof does not tell either.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from holdfast.trail.log import Hashes
from holdfast.trail.merkle import HASH_BYTES, includes, leaf_hash
from holdfast.trail.note import Checkpoint, NoteError, Verifier, opened, signed

LONGEST = 1024 * 1024
_FIELDS = {"index", "entry", "hashes", "checkpoint"}


class ProofError(Exception):
    """That proves nothing; the message says why."""


def prove(hashes: Hashes, index: int, data: bytes, verifier: Verifier) -> str:
    """Return the proof that entry number `index` is in the trail now. Raises IndexError."""
    checkpoint = Checkpoint(verifier.name, hashes.size, hashes.root)
    note = signed(checkpoint, hashes.signature(hashes.size), verifier)
    return written(index, data, hashes.proof(index, hashes.size), note)


def written(index: int, data: bytes, path: Sequence[bytes], checkpoint: str) -> str:
    """Return a proof as text: the path of an entry in the tree of a signed checkpoint."""
    proof = {
        "index": index,
        "entry": data.decode("ascii"),
        "hashes": [base64.b64encode(one).decode() for one in path],
        "checkpoint": checkpoint,
    }
    return json.dumps(proof, indent=2) + "\n"


def verify(text: str, verifier: Verifier) -> tuple[int, bytes]:
    """Return the number and the bytes of the entry that a proof shows. Raises ProofError."""
    if len(text) > LONGEST:
        raise ProofError("that is too long for a proof")
    try:
        read: Any = json.loads(text)
        if not isinstance(read, dict) or set(read) != _FIELDS or type(read["index"]) is not int:
            raise ProofError("that has not the fields of a proof")
        data = str(read["entry"]).encode("ascii")
        hashes = [base64.b64decode(one, validate=True) for one in read["hashes"]]
        checkpoint = opened(str(read["checkpoint"]), verifier)
    except NoteError as error:
        raise ProofError(str(error)) from None
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise ProofError("that is no proof") from None
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofError("that is no proof")
    index = read["index"]
    if not includes(index, checkpoint.size, leaf_hash(data), hashes, checkpoint.root):
        raise ProofError("the entry is not in the trail at that place")
    return index, data
