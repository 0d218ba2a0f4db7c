"""What is read from strangers, for atheris: `python parsers.py NAME [OPTIONS OF LIBFUZZER]`.

A parser may raise the one error that it documents, and what it takes is written as it was read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["holdfast.work.puzzle", "holdfast.work.stamp"]):
    from holdfast.work import puzzle, stamp


def read_stamp(text: str) -> None:
    try:
        read = stamp.parse(text)
    except stamp.StampError:
        return
    assert str(read) == text
    assert stamp.parse(str(read)) == read


def read_puzzle(text: str) -> None:
    try:
        read = puzzle.parse(text)
    except puzzle.Refused:
        return
    assert read.text == text
    named = f"{read.expires}:{read.name}:{read.scope}:{read.signature}"
    assert f"1:{read.kind}:{read.parts}:{read.cost}:{named}" == text


def read_answer(text: str) -> None:
    try:
        read = puzzle.parse_answer(text)
    except puzzle.Refused:
        return
    assert f"{read.puzzle.text}:{'.'.join(map(str, read.counters))}" == text


def read_carelessly(text: str) -> None:
    """What the fuzzer must find fault with, or it finds nothing at all."""
    assert not text.startswith("1:") or int(text.split(":")[1]) >= 0


PARSERS: dict[str, Callable[[str], None]] = {
    "stamp": read_stamp,
    "puzzle": read_puzzle,
    "answer": read_answer,
    "careless": read_carelessly,
}


def main() -> None:
    read = PARSERS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, lambda data: read(data.decode("utf-8", "surrogateescape")))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
