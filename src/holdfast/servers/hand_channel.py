"""A hand that is ready, and what can be asked of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from holdfast.servers.hand_streams import Broken, Conversation, Message, message
from holdfast.servers.session_errors import HandFailed, HandLost, quoted

LONGEST_ANSWER = 32 * 1024 * 1024  # bytes of one line
LARGEST_REPLY = 64 * 1024 * 1024  # bytes of all lines that answer one request
ASK_S = 60.0

OnProgress = Callable[[Message], None]


class Hand:
    """A hand that is ready: `host` is for messages, `root` says whether it runs as root."""

    def __init__(self, host: str, conversation: Conversation, *, root: bool) -> None:
        self.host = host
        self.root = root
        self._conversation = conversation
        self._asking = asyncio.Lock()
        self._lost = False

    async def ask(
        self, request: Message, on_progress: OnProgress | None = None, timeout_s: float = ASK_S
    ) -> Message:
        """Send one request, `{"do": NAME, …}`, and return what the hand answers as done.

        `timeout_s` bounds the silence between two lines of the answer. Raises HandFailed where
        the hand could not do it, and HandLost where it broke, fell silent or talked nonsense;
        after that this hand is of no more use.
        """
        name = quoted(str(request.get("do")))
        async with self._asking:
            if self._lost:
                raise HandLost(f"{self.host}: this hand was closed or lost before; log in again")
            try:
                return await self._ask(request, name, on_progress, timeout_s)
            except HandFailed:
                raise
            except TimeoutError:
                await self._abandon()
                raise HandLost(
                    f"{self.host}: lost while it did {name}: no sign of life for {timeout_s:g} s; "
                    "see what the host is busy with"
                ) from None
            except Broken as error:
                await self._abandon()
                raise HandLost(
                    f"{self.host}: lost while it did {name}: {error}; log in again"
                ) from error
            except BaseException:
                await self._abandon()
                raise

    async def close(self) -> None:
        """End the hand; one that was lost is not waited for."""
        if self._lost:
            await self._conversation.abandon()
        else:
            self._lost = True
            await self._conversation.close()

    async def _ask(
        self, request: Message, name: str, on_progress: OnProgress | None, timeout_s: float
    ) -> Message:
        async with asyncio.timeout(timeout_s):
            await self._conversation.send(json.dumps(request).encode() + b"\n")
        room = LARGEST_REPLY
        while True:
            async with asyncio.timeout(timeout_s):
                line = await self._conversation.line(min(room, LONGEST_ANSWER))
            room -= len(line)
            answer = message(line)
            if "done" in answer:
                return _part(answer, "done")
            if "failed" in answer:
                reason, kind = quoted(str(answer["failed"])), quoted(str(answer.get("kind")))
                raise HandFailed(f"{self.host}: {name}: {reason}", kind)
            step = _part(answer, "progress")
            if on_progress is not None:
                on_progress(step)

    async def _abandon(self) -> None:
        self._lost = True
        await self._conversation.abandon()


def _part(answer: Message, name: str) -> Message:
    part = answer.get(name)
    if not isinstance(part, dict):
        raise Broken(f"its answer holds no {name}")
    return part
