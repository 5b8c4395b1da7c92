"""One round trip for all who wait at the same time for the same answer of the database."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

Asked = TypeVar("Asked", bound=Hashable)
Told = TypeVar("Told")


class Shared(Generic[Asked, Told]):
    """
    A question that is asked once for all who come until it is sent.

    Whoever comes while one is under way waits for the next: an answer may be older than it is
    told, but never than it was asked for, so that it knows all that was committed before.
    """

    def __init__(self, question: Callable[[AbstractSet[Asked]], Awaitable[Told]]) -> None:
        self._question = question
        self._asked: set[Asked] = set()
        self._waiting: list[asyncio.Future[Told]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, *asked: Asked) -> Told:
        """
        The answer to a question that is sent from now on and that includes *asked*.

        Raises:
            Exception: whatever the question raised, to each who waited for it.
        """
        waiting: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._asked.update(asked)
        self._waiting.append(waiting)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="shared_question")
        return await waiting

    async def _run(self) -> None:
        while self._waiting:
            # From here on this question is sent: who comes now is not among them.
            asked, self._asked = self._asked, set()
            waiting, self._waiting = self._waiting, []
            try:
                told = await self._question(asked)
            except asyncio.CancelledError:
                for one in waiting + self._waiting:
                    one.cancel()
                self._waiting = []
                raise
            except Exception as fault:  # noqa: BLE001 (it is the answer of those who wait)
                for one in waiting:
                    if not one.done():
                        one.set_exception(fault)
            else:
                for one in waiting:
                    if not one.done():
                        one.set_result(told)
