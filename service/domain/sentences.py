"""A presence in one sentence that can be printed: what is so, why, and who published it when."""

from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import urlsplit
from uuid import UUID

from msgspec import Struct

from service.domain.dates import bounds, day_in_words, in_words, when_in_words
from service.domain.events import DEFAULT_RELATION, Source
from service.domain.stints import Stint
from service.domain.why import Why, WhyStep

_RELATIONS = {
    "advisor": "an advisor",
    "board": "a board member",
    "visiting": "a visitor",
    "contractor": "a contractor",
    "student": "a student",
    "faculty": "a member of the faculty",
}
_NOT_RECORDED = "no departure is recorded"
_VAGUE = ", which may have been earlier or later"
_OWN_SUBJECTS = (_NOT_RECORDED, "the lab ")


class Told(Struct, frozen=True, kw_only=True):
    """What a sentence says names and sources with."""

    person: str
    labs: Mapping[str, str]
    """Names on the day, by id."""
    sources: Mapping[UUID, Sequence[Source]]
    """Of each event what now holds for it."""
    published_by: date | None = None


def sentence(why: Why, told: Told) -> str:
    """Whether someone was there, with the reason and the sources, in one sentence."""
    return _Teller(why, told).sentence()


def credit(sources: Sequence[Source]) -> str:
    """
    Who published something, and when: the earliest of *sources*; nothing where there is none.

    >>> credit([Source(url="https://www.example.org/a", published="2024-12-03")])
    ' (example.org, 3 December 2024)'
    """
    if not sources:
        return ""
    dated = [s for s in sources if s.published is not None]
    first = min(dated, key=lambda s: bounds(s.published or "").lo) if dated else sources[0]
    publisher = first.publisher or (urlsplit(first.url).hostname or "").removeprefix("www.")
    said = [publisher, in_words(first.published)] if first.published else [publisher]
    return f" ({', '.join(said)})"


class _Teller:
    """One answer on its way into words."""

    def __init__(self, why: Why, told: Told) -> None:
        self._why = why
        self._told = told
        self._person = told.person
        self._lab = told.labs[why.lab]
        self._day = day_in_words(why.at)
        self._own = [step for step in why.steps if step.is_of_the_stint]

    def sentence(self) -> str:
        match self._why.presence:
            case "certain":
                return self._present("was", self._certain())
            case "presumed":
                return self._present("was presumably", self._presumed())
            case "possible":
                return self._present("may have been", self._possible())
            case _:
                return _stopped(f"No: {self._absent()}")

    def _present(self, verb: str, reasons: Sequence[str]) -> str:
        standing = self._why.standing
        assert standing is not None, "someone who is not absent has a standing"
        relation = standing.post.relation or DEFAULT_RELATION
        as_what = f" as {_RELATIONS[relation]}" if relation in _RELATIONS else ""
        leave = ", on leave," if standing.on_leave else ""
        there = f"{self._person} {verb} at {self._lab}{as_what}{leave} on {self._day}"
        return _stopped(f"{there}: {_listed(reasons)}")

    def _certain(self) -> list[str]:
        stint = self._told_stint()
        if stint.end is not None:
            return [*self._began(), *self._ended()]
        return [*self._began(), *self._seen("was still known to be there")]

    def _presumed(self) -> list[str]:
        return [
            *self._began(),
            *self._seen("was last known to be there"),
            _NOT_RECORDED,
        ]

    def _possible(self) -> list[str]:
        stint, at = self._told_stint(), self._why.at
        began, ended = self._began(), self._ended()
        if stint.start.date_text is not None and at < stint.start.hi:
            began[-1] += _VAGUE
        if stint.end is not None and at >= stint.end.lo:
            ended[-1] += _VAGUE
        return began + ended

    def _absent(self) -> str:
        why, person, lab = self._why, self._person, self._lab
        before = [s for s in why.stints if s.end is not None and s.end.hi <= why.at]
        after = [s for s in why.stints if s not in before]
        if before:
            return self._after(before[-1], after[0] if after else None)
        if after:
            return self._before(after[0])
        for step in why.steps:
            if step.effect == "set_aside":
                return (
                    f"what would place {person} at {lab} {self._when(step)} comes after "
                    f"{self._told.labs[step.lab]} had closed"
                )
        for passed in why.passed_over:
            when = f"{when_in_words(passed.date_text)}{self._credit(passed.event_id)}"
            if passed.why == "rumour":
                return f"only a rumour places {person} at {lab} {when}"
            return f"what placed {person} at {lab} {when} was retracted"
        by = self._told.published_by
        published = f" published by {day_in_words(by)}" if by is not None else ""
        return f"no event{published} names {person} at {lab}"

    def _after(self, stint: Stint, later: Stint | None) -> str:
        """Why not any more, and from when again."""
        again = ""
        if later is not None:
            first = self._first_of(later)
            start = later.start.date_text
            again = (
                f", and came back only {self._when(first)}"
                if start is not None
                else f", and is known to have been back only {self._when(first)}"
            )
        end = self._last_of(stint)
        if end.type != "lab_end":
            return (
                f"on {self._day} {self._person} was not at {self._lab} any more, having left "
                f"{self._when(end)}{again}"
            )
        if end.other_lab is None:
            return f"{self._lab} closed {self._when(end)}, and {self._person} was there until then"
        into = self._told.labs[end.other_lab]
        return f"{self._lab} became part of {into} {self._when(end)}, and {self._person} with it"

    def _before(self, stint: Stint) -> str:
        """Why not yet."""
        first = self._first_of(stint)
        not_yet = f"on {self._day} {self._person} was not at {self._lab} yet, having"
        match first.type:
            case "hire":
                return f"{not_yet} joined only {self._when(first)}"
            case "founding":
                return f"{self._lab} was founded only {self._when(first)}, with {self._person} among its founders"
            case "merged_in":
                return f"{not_yet} come only with {self._other(first)} {self._when(first)}"
            case "departure":
                return (
                    f"nothing says that {self._person} was at {self._lab} by {self._day}; that "
                    f"{self._person} left {self._when(first)} does not say from when"
                )
            case _:
                return (
                    f"{self._person} is first known to have been at {self._lab} "
                    f"{self._when(first)}, which is later than {self._day}"
                )

    def _began(self) -> list[str]:
        """How the stay began, from the first lab on where mergers carried it."""
        return [clause for step in self._own if (clause := self._beginning(step))]

    def _beginning(self, step: WhyStep) -> str:
        elsewhere = "" if step.lab == self._why.lab else f" {self._told.labs[step.lab]}"
        there = f"at{elsewhere}" if elsewhere else "there"
        match step.effect, step.type:
            case "opened", "founding":
                of = elsewhere or " the lab"
                return f"was among those who founded{of} {self._when(step)}"
            case "opened", "merged_in":
                into = "it" if not elsewhere else elsewhere.strip()
                other = self._other(step)
                return f"came along when {other} became part of {into} {self._when(step)}"
            case "opened", _:
                return f"joined{elsewhere} {self._when(step)}"
            case "revealed", _:
                return (
                    f"is known to have been {there} {self._when(step)} while nothing says from when"
                )
            case _:
                return ""

    def _ended(self) -> list[str]:
        stint = self._told_stint()
        if stint.end is None:
            return []
        end = self._last_of(stint)
        if end.type != "lab_end":
            start = " while nothing says from when" if stint.start.date_text is None else ""
            return [f"left {self._when(end)}{start if end is self._own[0] else ''}"]
        if end.other_lab is None:
            return [f"the lab closed {self._when(end)}"]
        return [f"the lab became part of {self._told.labs[end.other_lab]} {self._when(end)}"]

    def _seen(self, words: str) -> list[str]:
        """The evidence that reaches furthest, if any reaches beyond the beginning."""
        seen = [s for s in self._own if s.effect == "evidence" and s.lab == self._why.lab]
        last = max(seen, key=lambda s: s.narrowed.lo, default=None)
        if last is None or last.narrowed.lo <= self._told_stint().start.hi:
            return []
        return [f"{words} {self._when(last)}"]

    def _told_stint(self) -> Stint:
        assert self._why.stint is not None, "a presence is that of a stint"
        return self._why.stint

    def _first_of(self, stint: Stint) -> WhyStep:
        """What opened a stint at the lab, or first showed it."""
        opening = ("opened", "revealed", "revealed_and_closed")
        return next(s for s in self._steps_of(stint) if s.effect in opening)

    def _last_of(self, stint: Stint) -> WhyStep:
        """What ended a stint at the lab."""
        closing = ("closed", "revealed_and_closed")
        return next(s for s in reversed(self._steps_of(stint)) if s.effect in closing)

    def _steps_of(self, stint: Stint) -> list[WhyStep]:
        return [s for s in self._why.steps if s.lab == self._why.lab and s.event_id in stint.events]

    def _other(self, step: WhyStep) -> str:
        return self._told.labs[step.other_lab] if step.other_lab is not None else "another lab"

    def _when(self, step: WhyStep) -> str:
        return f"{when_in_words(step.date_text)}{self._credit(step.event_id)}"

    def _credit(self, event_id: UUID) -> str:
        return credit(self._told.sources.get(event_id, ()))


def _listed(clauses: Sequence[str]) -> str:
    """*clauses* in a row; one with a subject of its own, or after a comma, stands apart."""
    *most, last = clauses
    if not most:
        return last
    apart = len(most) > 1 or last.startswith(_OWN_SUBJECTS) or most[0].endswith(_VAGUE)
    return f"{', '.join(most)}{',' if apart else ''} and {last}"


def _stopped(text: str) -> str:
    """*text* with its full stop, which a name such as `Math, Inc.` brings along."""
    return text if text.endswith(".") else f"{text}."
