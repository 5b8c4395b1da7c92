"""Events, dates and answers as a person would say them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from service.domain import dates
from service.domain.refusals import Refusal

MARKS = {"certain": "●", "presumed": "◌", "possible": "○"}
"""Presence is told by a mark and its word, never by colour alone."""
LEGEND = (
    "● certain: the dates leave no doubt.",
    "◌ presumed: no departure is recorded, and nothing says that they are still there.",
    "○ possible: the dates are too vague to tell.",
)

_SENTENCES = {
    "founding": "{lab} was founded{by}{parent_too}",
    "hire": "{person} joined {lab}{as_role}",
    "departure": "{person} left {lab}{as_role}",
    "sighting": "{person} was at {lab}{as_role}",
    "role_change": "{person} took another role at {lab}{as_role}",
    "leave": "{person} went on leave from {lab}",
    "return": "{person} came back from leave to {lab}",
    "renaming": "{lab} was renamed '{name}'",
    "ownership": "{lab} came to belong to {parent}",
    "merger": "{absorbed} became part of {lab}",
    "closure": "{lab} closed",
    "profile": "The profile of {subject} was set",
    "same_as": "{subject} is the same as {into}",
    "different_from": "{subject} is not {other}",
    "correction": "Event {target} was corrected",
    "retraction": "Event {target} was retracted",
    "erasure": "{count} events were erased",
    "erased": "What this event said was erased",
}
_FINDINGS = {
    "already_present": "{person} was already at {labs} when joining it",
    "unknown_start": "it is not known when {person} joined {labs}",
    "after_closure": "{person} is said to have been at {labs} after it closed",
    "before_founding": "{person} is said to have been at {labs} before it was founded",
    "ended_twice": "{labs} is said to have ended more than once",
    "possible_duplicate": "two events about {person} and {labs} may be one",
    "overlap": "{person} was at {labs} at the same time for {days} days",
    "cycle": "an identity that would close a cycle was passed over",
}


def presence_in_words(presence: str | None, *, on_leave: bool = False) -> str:
    """
    Mark and word of a presence; None is absent.

    >>> presence_in_words("presumed", on_leave=True)
    '◌ presumed, on leave'
    """
    if presence is None:
        return "absent"
    word = f"{MARKS.get(presence, '?')} {presence}"
    return f"{word}, on leave" if on_leave else word


def date_in_words(text: str | None) -> str:
    """A date as its source gives it, in words; nothing where there is none."""
    if not text:
        return ""
    try:
        dates.bounds(text)
        return dates.in_words(text)
    except Refusal:
        return text


def day_in_words(text: str) -> str:
    """A plain day in words."""
    try:
        return dates.day_in_words(date.fromisoformat(text))
    except ValueError:
        return text


def bounds_in_words(bound: Mapping[str, Any]) -> str:
    """
    One end of a stint in words, with its first and last day where the words do not say them.

    Shapes: `date` as written or None, `lo` and `hi` as days, None where unbounded.
    """
    text, lo, hi = bound.get("date"), bound.get("lo"), bound.get("hi")
    words = date_in_words(text) or "unknown"
    if text and _says_its_days(text, lo, hi):
        return words
    return f"{words} ({_range(lo, hi)})" if lo or hi else words


def instant_in_words(text: str) -> str:
    """
    An instant to the minute, in UTC.

    >>> instant_in_words("2026-11-22T00:10:09.25Z")
    '2026-11-22 00:10 UTC'
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return text


def times_in_words(answer: Mapping[str, Any]) -> str:
    """The times that *answer* is for: `on 1 June 2024, as known at position 712 (…)`."""
    return f"on {day_in_words(answer['at'])}, {knowledge_in_words(answer)}"


def knowledge_in_words(answer: Mapping[str, Any]) -> str:
    """The state of knowledge that *answer* is from, and what of it was public if that is asked."""
    known_at = answer["known_at"]
    known = f"as known at position {known_at['position']}"
    if known_at.get("recorded_at"):
        known += f" ({instant_in_words(known_at['recorded_at'])})"
    if known_at.get("erased_since"):
        known += ", without what was erased since"
    if by := answer.get("published_by"):
        known += f", by what was published by {day_in_words(by)}"
        known += f" ({answer['undated_events']} undated left out)"
    return known


def headcount_in_words(headcount: Mapping[str, Any]) -> str:
    """How many by presence: `3 certain, 1 presumed, 2 possible`."""
    return ", ".join(f"{headcount[word]} {word}" for word in MARKS)


def name_of(ref: Any) -> str:
    """What somebody or something is called, in whatever form an event refers to them."""
    if not isinstance(ref, Mapping):
        return str(ref)
    return name_of(ref["person"]) if "person" in ref else str(ref.get("name") or ref.get("id"))


def sentence(event: Mapping[str, Any]) -> str:
    """What *event* says, without a full stop: `Ada joined OpenAI as CTO, in May 2019`."""
    said = _SENTENCES.get(event["type"], "An event of type {type}").format_map(_parts(event))
    on = date_in_words(event.get("date"))
    said = f"{said}, {on}" if on else said
    if event["type"] == "correction" and isinstance(event.get("event"), Mapping):
        return f"{said}: {sentence(event['event'])}"
    return said


def finding_sentence(finding: Mapping[str, Any]) -> str:
    """What the fold noticed, headed by its kind: `overlap: Ada was at …`."""
    kind = str(finding.get("kind", "finding"))
    person = finding.get("person")
    parts = {
        "person": name_of(person) if person else "somebody",
        "labs": _listed(map(name_of, finding.get("labs") or ())) or "a lab",
        "days": finding.get("days") or "more than 92",
    }
    said = _FINDINGS.get(kind)
    return f"{kind}: {said.format_map(parts)}" if said else kind


def _parts(event: Mapping[str, Any]) -> dict[str, str]:
    """What the sentences may name; what an event does not say is told as unknown."""
    founders = _listed(map(name_of, event.get("founders") or ()))
    parent, role = event.get("parent"), event.get("role")
    named = {f: name_of(event.get(f) or "?") for f in ("lab", "person", "into", "other", "target")}
    return named | {
        "type": str(event["type"]),
        "count": str(event.get("count", "?")),
        "name": str(event.get("name") or "?"),
        "parent": name_of(parent or "?"),
        "parent_too": f", as part of {name_of(parent)}" if parent else "",
        "subject": name_of(event.get("person") or event.get("lab") or "?"),
        "absorbed": _listed(map(name_of, event.get("absorbed") or ())) or "?",
        "by": f" by {founders}" if founders else "",
        "as_role": f" as {role}" if role else "",
    }


def _listed(names: Iterable[str]) -> str:
    *most, last = [*names] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _says_its_days(text: str, lo: str | None, hi: str | None) -> bool:
    try:
        bounds = dates.bounds(text)
    except Refusal:
        return False
    if text.endswith(("~", "%")):
        return False
    return (_day_text(bounds.lo), _day_text(bounds.hi)) == (lo, hi)


def _day_text(on: date) -> str | None:
    plain = dates.day_or_none(on)
    return plain.isoformat() if plain else None


def _range(lo: str | None, hi: str | None) -> str:
    if lo == hi:
        return str(lo)
    if lo and hi:
        return f"{lo} to {hi}"
    return f"from {lo}" if lo else f"by {hi}"
