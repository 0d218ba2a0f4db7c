"""The entry point: the parser, and the exit code of whatever happened.

0 good, 1 something was found, 2 the command or the site file is wrong, 3 a host could not be
reached or judged, 4 a change was reverted.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from holdfast import __version__
from holdfast.cli.errors import told
from holdfast.report.paint import Paint

VERBS = (
    *("init", "audit", "plan", "apply", "undo", "prove"),
    *("report", "explain", "doctor", "serve", "people", "keys", "trail", "stamp", "scan", "lab"),
    *("applications", "demo"),
)


def parser(verbs_wanted: Sequence[str] = VERBS) -> argparse.ArgumentParser:
    """Return the parser of the command line; a verb's module is imported when it is wanted."""
    top = argparse.ArgumentParser(
        prog="holdfast",
        description="Secures servers, and proves it by attacking them. Start with: holdfast init",
        epilog="exit codes: 0 good, 1 something was found, 2 wrong command or site file, "
        "3 a host could not be reached or judged, 4 a change was reverted",
    )
    top.add_argument("--version", action="version", version=f"holdfast {__version__}")
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb in verbs_wanted:
        importlib.import_module(f"holdfast.cli.{verb}").add_parser(verbs)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. Errors are one line on stderr, never a traceback."""
    words = sys.argv[1:] if argv is None else argv
    arguments = parser([word for word in words[:1] if word in VERBS] or VERBS).parse_args(words)
    try:
        code: int = arguments.run(arguments)
    except KeyboardInterrupt:
        print("holdfast: stopped; what was under way takes itself back", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        code, message = told(error)
        paint = Paint.on(sys.stderr)
        for line in message.splitlines():
            print(f"holdfast: {paint('red', line)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
