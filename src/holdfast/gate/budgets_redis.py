"""Budgets that several workers share in Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from holdfast.gate.budgets import Draw, Taken
from holdfast.work.spent import StoreDown

_TAKE = """
local now, found = tonumber(ARGV[1]), {}
for i, name in ipairs(KEYS) do
  local every, most = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local before = math.max(tonumber(redis.call('GET', name) or now), now)
  local after = math.max(before, math.min(before + every, now + most * every))
  local kept_ms = math.ceil((after - now) * 1000) + 1000
  redis.call('SET', name, string.format('%.6f', after), 'PX', kept_ms)
  found[i] = string.format('%.6f %.6f', after, after - before)
end
return found
"""
_GIVE = """
for i, name in ipairs(KEYS) do
  local whole = redis.call('GET', name)
  if whole then
    redis.call('SET', name, string.format('%.6f', tonumber(whole) - tonumber(ARGV[i])), 'KEEPTTL')
  end
end
"""


class RedisClient(Protocol):
    """What is used of a client of redis-py."""

    def eval(self, script: str, numkeys: int, /, *keys_and_args: Any) -> Any: ...

    def mget(self, keys: Any, /) -> Any: ...


class RedisBudgets:
    """Budgets in Redis, drawn on by one script."""

    def __init__(self, client: RedisClient, prefix: str = "holdfast:budget:") -> None:
        self._client = client
        self._prefix = prefix

    def take(self, draws: Sequence[Draw], now: float) -> list[Taken]:
        values: list[object] = [repr(now)]
        for draw in draws:
            values += [repr(draw.budget.every_s), draw.budget.most]
        names = self._names(draws)
        found = self._asked(lambda: self._client.eval(_TAKE, len(names), *names, *values))
        taken = []
        for draw, told in zip(draws, found, strict=True):
            whole, moved = map(float, told.split())
            taken.append(Taken(draw, draw.level(whole, now), moved))
        return taken

    def give(self, taken: Sequence[Taken]) -> None:
        names, values = self._names([one.draw for one in taken]), [one.moved_s for one in taken]
        if names:
            self._asked(lambda: self._client.eval(_GIVE, len(names), *names, *map(repr, values)))

    def levels(self, draws: Sequence[Draw], now: float) -> list[float]:
        if not draws:
            return []
        found = self._asked(lambda: self._client.mget(self._names(draws)))
        return [
            draw.level(float(whole or now), now) for draw, whole in zip(draws, found, strict=True)
        ]

    def _names(self, draws: Sequence[Draw]) -> list[str]:
        return [self._prefix + draw.name for draw in draws]

    def _asked(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except Exception as error:  # of the server, the connection, or the pool
            raise StoreDown(
                f"Redis of budgets: {type(error).__name__}: nobody is let in until it answers again"
            ) from error
