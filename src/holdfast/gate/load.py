"""The load of an action all over a site: what its workers count, and what they ask of everybody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from holdfast.gate.tally import Tally
from holdfast.work.difficulty import Pace, Seen, following

PERIOD_S = 60
FLUSH_EVERY_S = 5.0
SETTLED_AFTER_S = 6.0
"""So long into a period the workers have told what they counted of the one before."""
LOOKS_BACK = 60
EFFORT = "effort"


class Load:
    """What one process counts, and adds now and then to what all have counted."""

    def __init__(self, tally: Tally, pace: Pace, clock: Callable[[], float]) -> None:
        self._tally, self._pace, self._clock = tally, pace, clock
        self._lock = threading.Lock()
        self._counted: dict[int, dict[str, float]] = {}
        self._flushed = 0.0
        self._efforts: dict[str, tuple[int, float]] = {}  # of which period, in hashes

    def count(self, amounts: Mapping[str, float], at: float) -> None:
        self._add(int(at // PERIOD_S), amounts)

    def _add(self, period: int, amounts: Mapping[str, float]) -> None:
        with self._lock:
            counted = self._counted.setdefault(period, {})
            for name, amount in amounts.items():
                counted[name] = counted.get(name, 0.0) + amount

    def flush_now_and_then(self, now: float) -> None:
        if not 0 <= now - self._flushed < FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Add what this process has counted to what all have. Raises StoreDown."""
        with self._lock:
            counted, self._counted = self._counted, {}
            self._flushed = self._clock()
        try:
            while counted:
                period = min(counted)
                self._tally.add(period, counted[period])
                del counted[period]
        finally:
            for period, amounts in counted.items():  # what could not be told is told later
                self._add(period, amounts)

    def effort(self, action: str) -> float:
        """Return the work that everybody unknown is asked by now, in hashes. Raises StoreDown.

        The effort of a period begins when all workers have told what they counted before it.
        """
        period, effort = self._efforts.get(action, (-1, 0.0))
        now_in = int((self._clock() - SETTLED_AFTER_S) // PERIOD_S)
        if now_in != period:
            effort = self._settled(action, now_in)
            self._efforts[action] = (now_in, effort)
        return effort

    def _settled(self, action: str, period: int) -> float:
        """Return the effort of a period: as any worker has settled it, or as it follows."""
        name = f"{action}.{EFFORT}"
        told = self._tally.read(period - LOOKS_BACK, period)
        if name in told.get(period, {}):
            return told[period][name]
        began = max((one for one in told if name in told[one]), default=period - LOOKS_BACK)
        effort = told.get(began, {}).get(name, 0.0)
        for one in range(began, period):
            effort = following(effort, _seen(action, told.get(one, {})), self._pace)
        return self._tally.settle(period, name, effort) if effort else 0.0


def _seen(action: str, amounts: Mapping[str, float]) -> Seen:
    good, failed, made = (
        int(amounts.get(f"{action}.{what}", 0.0)) for what in ("good", "failed.unknown", "made")
    )
    return Seen(good=good, failed=failed + made)
