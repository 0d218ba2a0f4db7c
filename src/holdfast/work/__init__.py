"""Proof of work: stamps and puzzles, who solves them, and that none is spent twice."""

from pathlib import Path

_HERE = Path(__file__).parent
_PACKAGED, _CHECKOUT = _HERE / "web", _HERE.parents[2] / "native/web"

WEB = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
"""The folder of the browser's part, for a web server to hand out: `<holdfast-work>` and its
modules. A wheel carries it in the package; in a checkout it lies in `native/web`."""
