"""Query parameters: each with its meaning, its form and what refuses it."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args
from urllib.parse import parse_qsl

from msgspec import Struct

from service.answers.times import known_at_of
from service.domain import dates
from service.domain.events import ERASURE, PAYLOADS, Relation
from service.domain.findings import FINDING_KINDS
from service.domain.headcounts import Step
from service.domain.moves import WITHIN_DAYS, WITHIN_DAYS_MAX, MoveKind
from service.domain.presence import Presence
from service.domain.questions import EXAMPLES
from service.domain.refusals import BadDate, BadParameter, UnknownName, shown
from service.settings import REPLAY_PROCESSES_MAX

LIMIT_DEFAULT = 100
LIMIT_MAX = 1000
QUERY_CHARACTERS_MAX = 4096
_LISTS = {"person": "people", "lab": "labs"}


class Param(Struct, frozen=True):
    """One query parameter."""

    name: str
    description: str
    schema: Mapping[str, Any]
    parse: Callable[[str, str], Any]
    """From the parameter's name and text to its value; refuses with BadParameter."""
    is_required: bool = False


class UnknownNameInQuery(BadParameter):
    """A filter by a name that nobody has; 404 is for what a path names."""

    code = "unknown_name_in_query"

    def __init__(self, name: str, unknown: UnknownName) -> None:
        # A question adds nobody: where no name is near, the way out is another than of a body.
        way_out = (
            unknown.way_out
            if unknown.suggestions
            else f"GET /v1/{_LISTS[unknown.kind]}?q= searches by parts of names"
        )
        super().__init__(name, f"'{name}': {unknown.subject}; {way_out}.")
        self.suggestions = unknown.suggestions

    def extras(self) -> dict[str, Any]:
        return {**super().extras(), "suggestions": self.suggestions}


def parse_query(query: bytes, params: Sequence[Param]) -> dict[str, Any]:
    """
    The values of the parameters that were given.

    Raises:
        BadParameter: an unknown, repeated or missing one, or one without a usable value.
    """
    known = {param.name: param for param in params}
    values: dict[str, Any] = {}
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100
        )
    except (UnicodeDecodeError, ValueError) as exc:
        raise BadParameter("", "The query is not percent-encoded UTF-8.") from exc
    for name, text in pairs:
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise BadParameter(
                name, f"There is no parameter {shown(name)} here; known parameters: {names}."
            )
        if name in values:
            raise BadParameter(name, f"The parameter '{name}' was given more than once.")
        if len(text) > QUERY_CHARACTERS_MAX or "\0" in text:
            raise BadParameter(
                name,
                f"The parameter '{name}' is too long or holds NUL; the limit is "
                f"{QUERY_CHARACTERS_MAX} characters.",
            )
        values[name] = known[name].parse(name, text)
    for param in params:
        if param.is_required and param.name not in values:
            raise BadParameter(param.name, f"'{param.name}' is missing: {param.description}")
    return values


def _day(name: str, text: str) -> Any:
    try:
        return dates.day(text)
    except BadDate as refusal:
        raise BadParameter(name, f"'{name}': {refusal.message}") from refusal


def _known_at(name: str, text: str) -> Any:
    if (known_at := known_at_of(text)) is not None:
        return known_at
    raise BadParameter(
        name,
        f"{shown(text)} is no state of knowledge; give a position such as '712' or an instant "
        "such as '2026-11-01T09:00Z'.",
    )


def _choice(allowed: Sequence[str]) -> Callable[[str, str], Any]:
    def parse(name: str, text: str) -> Any:
        if text not in allowed:
            raise BadParameter(name, f"{shown(text)} is no {name}; known: {', '.join(allowed)}.")
        return text

    return parse


def _integer(low: int, high: int) -> Callable[[str, str], Any]:
    def parse(name: str, text: str) -> Any:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not low <= int(text) <= high:
            raise BadParameter(
                name, f"{shown(text)} is no {name}; give a number from {low} to {high}."
            )
        return int(text)

    return parse


def _text(name: str, text: str) -> Any:
    if not text.strip():
        raise BadParameter(name, f"The parameter '{name}' is blank; leave it out instead.")
    return text


def _flag(name: str, text: str) -> Any:
    if text not in ("true", "false"):
        raise BadParameter(name, f"{shown(text)} is no {name}; give 'true' or 'false'.")
    return text == "true"


def _hash(name: str, text: str) -> Any:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise BadParameter(
            name,
            f"{shown(text)} is no hash; give 64 hexadecimal digits, as GET /v1/log tells them.",
        )
    return bytes.fromhex(text)


POSITION_MAX = 10**18 - 1
POSSIBLE_SAME_PERSON = "possible_same_person"
_DAY_SCHEMA = {"type": "string", "format": "date", "pattern": "^(1[89]|2[01])[0-9]{2}-"}
_NAME_SCHEMA = {"type": "string", "minLength": 1, "maxLength": QUERY_CHARACTERS_MAX}

AT = Param(
    "at",
    "The day in the world to answer for; today (UTC) unless given.",
    {**_DAY_SCHEMA, "examples": ["2024-06-01"]},
    _day,
)
KNOWN_AT = Param(
    "known_at",
    "The state of knowledge to answer from: a position of the log or an instant; the head "
    "unless given.",
    {"type": "string", "examples": ["712", "2026-11-01T09:00Z"]},
    _known_at,
)
PUBLISHED_BY = Param(
    "published_by",
    "Only what the public could know by this day: events by the earliest publication among their "
    "sources, else by the day of their recording; everything counts unless given.",
    {**_DAY_SCHEMA, "examples": ["2024-12-04"]},
    _day,
)
PRESENCE = Param(
    "presence",
    "Only members of this presence.",
    {"type": "string", "enum": list(get_args(Presence))},
    _choice(get_args(Presence)),
)
RELATION = Param(
    "relation",
    "Only members of this relation.",
    {"type": "string", "enum": list(get_args(Relation))},
    _choice(get_args(Relation)),
)
LIMIT = Param(
    "limit",
    f"At most so many; {LIMIT_DEFAULT} unless given.",
    {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT_DEFAULT},
    _integer(1, LIMIT_MAX),
)
CURSOR = Param(
    "cursor",
    "Where the next page begins, as `next` of the page before says.",
    {"type": "string", "minLength": 1},
    _text,
)
LABS_QUERY = Param(
    "q",
    "Part of a name; where no lab has it in a name, a name near one.",
    _NAME_SCHEMA,
    _text,
)
PEOPLE_QUERY = Param(
    "q",
    "Part of a name, or a name near one. Those whose name has it come first, the nearest before "
    "the others; without it people come by id.",
    _NAME_SCHEMA,
    _text,
)
QUESTION = Param(
    "q",
    "A question in words: who was at a lab, where someone was, who moved from lab to lab, on a day, "
    "in a month, in a year or between two of them; or the name of a lab or a person.",
    {**_NAME_SCHEMA, "examples": list(EXAMPLES)},
    _text,
    is_required=True,
)
TYPE = Param(
    "type",
    "Only events of this type.",
    {"type": "string", "enum": sorted([*PAYLOADS, ERASURE])},
    _choice(sorted([*PAYLOADS, ERASURE])),
)
PERSON = Param("person", "Only of this person, by id or name.", _NAME_SCHEMA, _text)
LAB = Param("lab", "Only of this lab, by id or name.", _NAME_SCHEMA, _text)
FROM = Param(
    "from",
    "Only events whose date can be this day or a later one.",
    _DAY_SCHEMA,
    _day,
)
TO = Param(
    "to",
    "Only events whose date can be this day or an earlier one.",
    _DAY_SCHEMA,
    _day,
)
CHANGES_AT = Param(
    "at",
    "Of two states of knowledge: the day in the world on which to compare them; today (UTC) "
    "unless given.",
    {**_DAY_SCHEMA, "examples": ["2024-06-01"]},
    _day,
)
CHANGES_FROM = Param(
    "from",
    "The earlier of two days to compare; with `to`.",
    {**_DAY_SCHEMA, "examples": ["2023-01-01"]},
    _day,
)
CHANGES_TO = Param(
    "to",
    "The later of two days to compare; with `from`.",
    {**_DAY_SCHEMA, "examples": ["2024-01-01"]},
    _day,
)
KNOWN_FROM = Param(
    "known_from",
    "The earlier of two states of knowledge to compare, in place of `from` and `to`: a position "
    "of the log or an instant; with `known_to`.",
    {"type": "string", "examples": ["712"]},
    _known_at,
)
KNOWN_TO = Param(
    "known_to",
    "The later of two states of knowledge to compare; with `known_from`.",
    {"type": "string", "examples": ["2026-11-01T09:00Z"]},
    _known_at,
)
FROM_LAB = Param(
    "from_lab",
    "Only of people who left this lab, by id or name. Without `to_lab` the period is that of the "
    "departure.",
    _NAME_SCHEMA,
    _text,
)
TO_LAB = Param("to_lab", "Only of people who joined this lab, by id or name.", _NAME_SCHEMA, _text)
FLOWS_LAB = Param("lab", "Only from or to this lab, by id or name.", _NAME_SCHEMA, _text)
MOVE_KIND = Param(
    "kind",
    "Only moves of which both sides are known, only departures after which, or only arrivals "
    "before which nothing is known.",
    {"type": "string", "enum": list(get_args(MoveKind))},
    _choice(get_args(MoveKind)),
)
MOVES_FROM = Param(
    "from",
    "Only what can have been on this day or a later one: the arrival, else the departure.",
    {**_DAY_SCHEMA, "examples": ["2024-01-01"]},
    _day,
)
MOVES_TO = Param(
    "to",
    "Only what can have been on this day or an earlier one.",
    {**_DAY_SCHEMA, "examples": ["2024-12-31"]},
    _day,
)
FLOWS_FROM = Param(
    "from",
    "The first day of the period; 365 days before its last one unless given.",
    {**_DAY_SCHEMA, "examples": ["2024-01-01"]},
    _day,
)
FLOWS_TO = Param(
    "to",
    "The last day of the period; `at` unless given.",
    {**_DAY_SCHEMA, "examples": ["2024-12-31"]},
    _day,
)
WITHIN = Param(
    "within",
    "An arrival at most so many days after a departure is the next one, if it is the nearest.",
    {"type": "integer", "minimum": 0, "maximum": WITHIN_DAYS_MAX, "default": WITHIN_DAYS},
    _integer(0, WITHIN_DAYS_MAX),
)
STEP = Param(
    "step",
    "From one count to the next.",
    {"type": "string", "enum": list(get_args(Step)), "default": "month"},
    _choice(get_args(Step)),
)
AFTER = Param(
    "after",
    "Only events after this position.",
    {"type": "integer", "minimum": 0, "maximum": POSITION_MAX},
    _integer(0, POSITION_MAX),
)
LOG_EVENT_TYPE = Param(
    "type",
    "Only corrections, or only retractions.",
    {"type": "string", "enum": ["correction", "retraction"]},
    _choice(["correction", "retraction"]),
)
RECORDED_BY = Param(
    "recorded_by",
    "Only what the key of this name recorded.",
    {"type": "string", "minLength": 1, "maxLength": QUERY_CHARACTERS_MAX},
    _text,
)
RECORDED_FROM = Param("recorded_from", "Only recorded on this UTC day or later.", _DAY_SCHEMA, _day)
RECORDED_TO = Param("recorded_to", "Only recorded on this UTC day or earlier.", _DAY_SCHEMA, _day)
FINDING_KIND = Param(
    "kind",
    "Only findings of this kind. `possible_same_person` is listed only when it is asked for: it is "
    "a guess from names, of now and not of the fold.",
    {"type": "string", "enum": [*FINDING_KINDS, POSSIBLE_SAME_PERSON]},
    _choice([*FINDING_KINDS, POSSIBLE_SAME_PERSON]),
)
DRY_RUN = Param(
    "dry_run",
    "Record nothing, and answer with what the write would change.",
    {"type": "boolean", "default": False},
    _flag,
)
ERASURE_DRY_RUN = Param(
    "dry_run",
    "Erase nothing, and answer with what would be erased and said again, and with events of others "
    "that mention the person.",
    {"type": "boolean", "default": False},
    _flag,
)
SINCE = Param(
    "since",
    "A hash that the log once came to, such as that of its head; whether it only grew since.",
    {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
    _hash,
)
READ_MODELS = Param(
    "read_models",
    "Whether to compare the read models with what the log comes to.",
    {"type": "boolean", "default": True},
    _flag,
)
CHECK = Param(
    "check",
    "Only compare, and switch to nothing.",
    {"type": "boolean", "default": False},
    _flag,
)
FORCE = Param(
    "force",
    "Switch although the read models differ.",
    {"type": "boolean", "default": False},
    _flag,
)
DEEP = Param(
    "deep",
    "Verify every event rather than the last ones, and compare the read models with the log, which "
    "is on record as a replay that only compares.",
    {"type": "boolean", "default": False},
    _flag,
)
PROCESSES = Param(
    "processes",
    "So many processes fold, if the log is long; else as many as the service is set to.",
    {"type": "integer", "minimum": 1, "maximum": REPLAY_PROCESSES_MAX},
    _integer(1, REPLAY_PROCESSES_MAX),
)
