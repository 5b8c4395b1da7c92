"""Whole answers that are kept: the same question is answered alike while the head stands."""

from collections import OrderedDict
from collections.abc import Hashable
from datetime import date
from typing import Generic, NamedTuple, Protocol, TypeVar

from service.log.append import Head
from service.read_models.current import Made

ASKED_ONCE_MAX = 10_000
"""Questions of which it is known that they were asked before."""
_ENTRY_WEIGHT = 2_500
"""Bytes, about, of an answer beside its body: its headers, its question, its place."""


class Standing(NamedTuple):
    """While these are the same, so is every answer that follows from the log."""

    head: Head
    made: Made
    today: date


class Whole(Protocol):
    """An answer as it is told again."""

    @property
    def body(self) -> bytes: ...
    @property
    def stands_while(self) -> Standing: ...


_Question = TypeVar("_Question", bound=Hashable)
_Answer = TypeVar("_Answer", bound=Whole)


class Kept(Generic[_Question, _Answer]):
    """The answers that one process keeps, bounded by their bytes."""

    def __init__(self, weight_max: int, *, at_once: bool = False) -> None:
        """*at_once*: answers are kept that were asked for once, being dear to make."""
        self._weight_max = weight_max
        self._at_once = at_once
        self._weight = 0
        self._answers: OrderedDict[_Question, _Answer] = OrderedDict()
        """The least recently asked first."""
        self._asked_once: OrderedDict[int, None] = OrderedDict()
        """Digests of questions: that two have the same one only lets an answer be kept earlier."""

    @property
    def weight(self) -> int:
        """Bytes that all of them take together, about."""
        return self._weight

    def find(self, question: _Question) -> _Answer | None:
        """What was last answered to the same question, which need not stand any more."""
        answer = self._answers.get(question)
        if answer is not None:
            self._answers.move_to_end(question)
        return answer

    def keep(self, question: _Question, answer: _Answer) -> None:
        """
        Keep the answer to a question that was asked before; the longest unasked ones go for it.

        Most are asked once: keeping those would push out what is asked again, and would have every
        answer written to memory that no cache of the processor holds.
        """
        before = self._answers.pop(question, None)
        if before is not None:
            self._weight -= _weight(before)
        elif not (self._at_once or self._was_asked(hash(question))):
            return
        if _weight(answer) > self._weight_max // 4:
            return
        self._answers[question] = answer
        self._weight += _weight(answer)
        while self._weight > self._weight_max:
            _, oldest = self._answers.popitem(last=False)
            self._weight -= _weight(oldest)

    def _was_asked(self, digest: int) -> bool:
        if digest in self._asked_once:
            del self._asked_once[digest]
            return True
        self._asked_once[digest] = None
        if len(self._asked_once) > ASKED_ONCE_MAX:
            self._asked_once.popitem(last=False)
        return False


def _weight(answer: Whole) -> int:
    return len(answer.body) + _ENTRY_WEIGHT
