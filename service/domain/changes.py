"""What differs between two rosters, and on which days a change of stints shows on one."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from msgspec import Struct

from service.domain.dates import UNBOUNDED_HI, UNBOUNDED_LO, eve
from service.domain.effects import StintChange
from service.domain.labs import LabFacts, Labs, reading
from service.domain.presence import Standing, standing_on
from service.domain.stints import Post, Stint


class RosterSpan(Struct, frozen=True):
    """Days on which a line of a lab's roster is another; both ends included."""

    lab: str
    from_on: date
    to_on: date


class Compared(NamedTuple):
    """One person on two rosters of one lab; absent on at most one of them."""

    person: str
    before: Standing | None
    after: Standing | None
    fields: tuple[str, ...] = ()
    """Of someone on both: in what the two lines differ."""
    from_lab: str | None = None
    """Of someone who was carried along by a merger: from where, and to where."""
    to_lab: str | None = None


class Comparison(Struct, frozen=True):
    """The differences of two rosters, each list by the ids of the people."""

    joined: Sequence[Compared]
    left: Sequence[Compared]
    carried: Sequence[Compared]
    """They have not moved: a merger made one lab of two."""
    changed: Sequence[Compared]


def compare(
    before: Mapping[str, Standing],
    after: Mapping[str, Standing],
    lab: LabFacts,
    labs: Labs,
    carried_out: Mapping[str, Standing],
) -> Comparison:
    """
    What differs between two rosters of *lab*.

    Shapes: rosters by the id of the person, on which one person has one id; *labs* has the labs
    that *lab* absorbed and those that these had, and all its successors; *carried_out* is the
    roster of the lab to which its end carried people, with which to tell who was carried there.
    """
    joined, left, carried, changed = [], [], [], []
    for person in sorted(before.keys() | after.keys()):
        one = Compared(person, before.get(person), after.get(person))
        if one.before is not None and one.after is not None:
            fields = differing_fields(one.before, one.after)
            if fields:
                changed.append(one._replace(fields=fields))
        elif one.after is not None:
            origin = _carried_from(one.after.stint, lab, labs)
            if origin is None:
                joined.append(one)
            else:
                carried.append(one._replace(from_lab=origin, to_lab=lab.id))
        elif one.before is not None:
            there = carried_out.get(person)
            if _is_carried_on(lab, [one.before, *([there] if there else [])]):
                carried.append(one._replace(from_lab=lab.id, to_lab=carried_to(lab, labs)))
            else:
                left.append(one)
    return Comparison(joined, left, carried, changed)


def carried_to(lab: LabFacts, labs: Labs) -> str | None:
    """
    The lab to which a merger carried those who were at *lab*, if one did: what the successor
    had become by then.
    """
    if lab.end is None or lab.end.successor is None:
        return None
    return reading(lab.end.successor, lab.end.lo, labs)[0]


def differing_fields(before: Standing, after: Standing) -> tuple[str, ...]:
    """In what two lines about one person differ, in the order in which a roster shows it."""
    one, other = before.stint, after.stint
    differs = {
        "presence": before.presence != after.presence,
        **{f: getattr(before.post, f) != getattr(after.post, f) for f in Post.__struct_fields__},
        "since": one.start != other.start,
        "until": one.end != other.end,
        "on_leave": before.on_leave != after.on_leave,
        "last_evidence": one.last_evidence != other.last_evidence,
    }
    return tuple(field for field, is_other in differs.items() if is_other)


def _carried_from(stint: Stint, lab: LabFacts, labs: Labs) -> str | None:
    """The lab from which a merger carried someone into a stint, if one did."""
    own_end = None if lab.end is None else lab.end.event_id
    absorbed = list(lab.predecessors)
    # Those that it absorbed itself come first: who was carried twice comes from the last.
    for one in absorbed:
        absorbed += [each for each in labs[one].predecessors if each not in absorbed]
        end = labs[one].end
        # The stint rests on the merger only if that opened it: else it was dropped.
        if end is not None and end.event_id in stint.events and end.event_id != own_end:
            return one
    return None


def _is_carried_on(lab: LabFacts, standings: Iterable[Standing]) -> bool:
    """Whether one of the stints rests on the merger by which *lab* ended."""
    end = lab.end
    return (
        end is not None
        and end.successor is not None
        and any(end.event_id in standing.stint.events for standing in standings)
    )


def roster_spans(changes: Iterable[StintChange]) -> list[RosterSpan]:
    """By lab the days on which its roster is another, in order, joined where they meet."""
    spans: list[RosterSpan] = []
    found = [span for change in changes for span in _spans_of(change)]
    for span in sorted(found, key=lambda s: (s.lab, s.from_on, s.to_on)):
        last = spans[-1] if spans else None
        if last is None or last.lab != span.lab or last.to_on < eve(span.from_on):
            spans.append(span)
        elif span.to_on > last.to_on:
            spans[-1] = RosterSpan(span.lab, last.from_on, span.to_on)
    return spans


def _spans_of(change: StintChange) -> Iterable[RosterSpan]:
    days = {UNBOUNDED_LO, UNBOUNDED_HI}
    for stint in (*change.before, *change.after):
        days.update(_turning_days(stint))
    for first, after in pairwise(sorted(days)):
        if _line(change.before, first) != _line(change.after, first):
            # The greatest day stands for unbounded and is in the last span.
            last = after if after == UNBOUNDED_HI else eve(after)
            yield RosterSpan(change.lab, first, last)


def _line(stints: Sequence[Stint], at: date) -> tuple[object, ...] | None:
    """What a roster shows of someone on a day, but for the dates of the stint itself."""
    standing = standing_on(stints, at)
    return None if standing is None else (standing.presence, standing.post, standing.on_leave)


def _turning_days(stint: Stint) -> Iterable[date]:
    """The days from which on the line about a stint can be another."""
    yield from (stint.start.lo, stint.start.hi)
    if stint.end is not None:
        yield from (stint.end.lo, stint.end.hi)
    elif stint.last_evidence != UNBOUNDED_HI:
        yield stint.last_evidence + timedelta(days=1)
    yield from (step.lo for step in stint.steps)
    yield from (step.lo for step in stint.leaves)
