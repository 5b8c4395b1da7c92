"""The form for an event of some type: its inputs, what was typed into them, what is wrong there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from msgspec.structs import replace

from service.domain.events import (
    FACTS,
    SOURCES_MAX,
    Basis,
    Certainty,
    Relation,
)
from service.domain.refusals import Candidate, Fault, UnknownName, shown
from service.web.event_fields import ALIASES, ID, NEW, TYPE, Fields, is_number
from service.web.wording import LABELS, type_in_words

Shape = Literal["line", "long", "date", "day", "choice", "name", "address"]

ROWS_MIN = {"sources": 3, "founders": 2, "absorbed": 2, "aliases": 2, "alternatives": 1}
"""So many rows are there from the start."""
MORE = "more"
"""The field by which one more row is asked for."""

_CHOICES: dict[str, Sequence[str]] = {
    "basis": get_args(Basis),
    "certainty": get_args(Certainty),
    "relation": get_args(Relation),
}
_NAMING = ("person", "lab", "into", "other", "parent", "absorbed")
_OUTSIDE = {
    "wikidata": "Wikidata",
    "orcid": "ORCID",
    "openalex": "OpenAlex",
    "homepage": "Home page",
}
_HINTS = {
    "date": "As the source gives it: 2024-06-01, 2024-06, 2024, about 2017~, doubtful 2024?, "
    "some day in [2024-03..2024-05], from then on [2026-06-19..].",
    "person": "A name or an id.",
    "lab": "A name or an id.",
    "into": "Who it really is: a name or an id, of the same kind.",
    "other": "With whom it is confused: a name or an id, of the same kind.",
    "parent": "A lab, or any text.",
    "relation": "Left empty, employee.",
    "certainty": "Left empty, reported. What is rumoured stays on timelines and counts for nothing.",
    "basis": "Whether the date is when it happened, when it was announced or reported, or inferred.",
    "via": "Such as licence-and-hire deal.",
    "note": "What a reader should know; a sentence is enough.",
}
_LONG = ("note",)
_LEGENDS = {
    "sources": "Sources",
    "founders": "Founders",
    "absorbed": "Absorbed labs",
    "aliases": "Other names",
    "alternatives": "Other dates that other sources give",
    "ids": "Ids elsewhere",
}
_SOURCE = {"url": "Address", "title": "Title", "publisher": "Publisher", "published": "Published"}


class Input(NamedTuple):
    """One field."""

    name: str
    label: str
    shape: Shape
    value: str
    hint: str = ""
    choices: Sequence[str] = ()
    faults: Sequence[Fault] = ()
    is_new: bool = False
    """Of a name: whether it is to be added."""
    own_id: str = ""
    aliases: Sequence[str] = ()
    id_faults: Sequence[Fault] = ()

    @property
    def element(self) -> str:
        """What the element is called in the page."""
        return element_of(self.name)

    @property
    def offered(self) -> Sequence[Candidate]:
        """Near names, and all those whom the name fits."""
        every = [one for fault in self.faults for one in (*fault.suggestions, *fault.candidates)]
        return list({one.id: one for one in every}.values())

    @property
    def is_many_lines(self) -> bool:
        """Whether a line would not hold it."""
        return self.shape == "long" or "\n" in self.value

    @property
    def has_own_id(self) -> bool:
        """Whether somebody new may need to be told apart from another of the same name."""
        return bool(self.is_new or self.own_id or any(fault.candidates for fault in self.faults))


class Group(NamedTuple):
    """Fields that come in rows."""

    name: str
    legend: str
    rows: Sequence[Sequence[Input]]
    can_grow: bool
    faults: Sequence[Fault]
    is_open: bool
    """Whether it is shown at once."""


class Form(NamedTuple):
    """All that is asked of an event of one type."""

    type: str
    types: Sequence[tuple[str, str]]
    inputs: Sequence[Input]
    groups: Sequence[Group]
    faults: Sequence[Fault]
    """Those that stand at no field."""
    summary: Sequence[tuple[str, str]]
    """Every fault: the element that it stands at, or none, and what it says."""


class _Maker:
    """Makes inputs of what was typed and of what is wrong with it."""

    def __init__(self, fields: Fields, faults: Iterable[Fault], names: Mapping[str, str]) -> None:
        self.fields = fields
        self.names = names
        self.faults = [
            (place, _in_a_form(fault, fields.get(place, "")))
            for place, fault in ((_field_of(fault), fault) for fault in faults)
        ]
        self.told: list[Fault] = []

    def at(self, name: str) -> list[Fault]:
        found = [fault for place, fault in self.faults if place == name]
        self.told += found
        return found

    def one(self, name: str, label: str, shape: Shape, hint: str = "") -> Input:
        key = name.rpartition("/")[2]
        value = self.fields.get(name, "")
        if shape == "name":
            if known := self.names.get(value):
                hint = f"Now: {known}."
            return Input(
                name=name,
                label=label,
                shape=shape,
                value=value,
                hint=hint,
                faults=self.at(name),
                is_new=bool(self.fields.get(f"{name}/{NEW}", "").strip()),
                own_id=self.fields.get(f"{name}/{ID}", ""),
                aliases=[self.fields[one] for one in self._under(f"{name}/{ALIASES}")],
                id_faults=[*self.at(f"{name}/{ID}"), *self.at(f"{name}/name")],
            )
        return Input(name, label, shape, value, hint, _CHOICES.get(key, ()), self.at(name))

    def rows_of(self, group: str) -> int:
        """How many rows of a group were typed into."""
        numbers = [
            int(number)
            for name in self.fields
            if name.startswith(f"{group}/")
            and is_number(number := name.removeprefix(f"{group}/").partition("/")[0])
        ]
        return min(max(numbers, default=-1) + 1, SOURCES_MAX)

    def _under(self, name: str) -> list[str]:
        return [one for one in self.fields if one.startswith(f"{name}/")]


def form_of(
    fields: Fields,
    faults: Sequence[Fault] = (),
    *,
    rows: Mapping[str, int] | None = None,
    names: Mapping[str, str] | None = None,
) -> Form:
    """
    The form for an event.

    Shapes: *fields* as `fields_of` gives them; *rows* says how many of a group are wanted at
    least; *names* what ids are called that stand in fields.
    """
    type_ = fields[TYPE]
    make = _Maker(fields, faults, names or {})
    known = FACTS[type_].__struct_fields__
    inputs: list[Input] = []
    groups: list[Group] = []
    for field in LABELS:
        if field not in known:
            continue
        if field in _LEGENDS:
            groups.append(_group(make, field, (rows or {}).get(field, 0)))
        else:
            inputs.append(make.one(field, LABELS[field], _shape(field), _hint(field, known)))
    elements = {one.name: one.element for one in inputs}
    elements |= {one.name: one.element for g in groups for row in g.rows for one in row}
    return Form(
        type=type_,
        types=[(one, type_in_words(one)) for one in FACTS],
        inputs=inputs,
        groups=groups,
        faults=[fault for _, fault in make.faults if fault not in make.told],
        summary=_summary(make.faults, elements),
    )


def _summary(
    faults: Sequence[tuple[str, Fault]], elements: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Every fault with the element that it stands at, in the order of the form."""
    order = ["", *elements.values()]
    told = [
        (elements.get(place, elements.get(place.rpartition("/")[0], "")), fault.message)
        for place, fault in faults
    ]
    return sorted(told, key=lambda one: order.index(one[0]))


def _in_a_form(fault: Fault, typed: str) -> Fault:
    """The way out that a form has, in place of that of a program."""
    if fault.code != UnknownName.code or not typed:
        return fault
    who = "Nobody" if fault.message.startswith("Nobody") else "No lab"
    way_out = "take one that is near, or say that it is new" if fault.suggestions else "is it new?"
    end = "" if way_out.endswith("?") else "."
    return replace(fault, message=f"{who} is called {shown(typed)}; {way_out}{end}")


def element_of(name: str) -> str:
    """What the element of a field is called in the page."""
    return "f-" + name.replace("/", "-")


def _group(make: _Maker, field: str, wanted: int) -> Group:
    filled = 1 if field == "ids" else make.rows_of(field)
    count = 1 if field == "ids" else max(filled, wanted, ROWS_MIN[field])
    made = [_row(make, field, i) for i in range(min(count, SOURCES_MAX))]
    is_typed = any(one.value for row in made for one in row)
    faults = make.at(field)
    return Group(
        name=field,
        legend=_LEGENDS[field],
        rows=made,
        can_grow=field != "ids" and count < SOURCES_MAX,
        faults=faults,
        is_open=bool(field in ("sources", "founders", "absorbed") or is_typed or faults or wanted),
    )


def _row(make: _Maker, field: str, i: int) -> list[Input]:
    place = f"{field}/{i}"
    match field:
        case "sources":
            return _source(make, place)
        case "founders":
            return [
                make.one(f"{place}/person", "Person", "name"),
                make.one(f"{place}/role", "Role", "line"),
            ]
        case "absorbed":
            return [make.one(place, "Lab", "name")]
        case "aliases":
            return [make.one(place, "Name", "line")]
        case "ids":
            return [
                make.one(f"ids/{key}", label, "address" if key == "homepage" else "line")
                for key, label in _OUTSIDE.items()
            ]
        case _:
            given = max(make.rows_of(f"{place}/sources"), 1)
            return [
                make.one(f"{place}/date", "Date", "date"),
                *(one for n in range(given) for one in _source(make, f"{place}/sources/{n}")),
            ]


def _source(make: _Maker, place: str) -> list[Input]:
    shapes: dict[str, Shape] = {"url": "address", "published": "date"}
    return [
        make.one(f"{place}/{key}", label, shapes.get(key, "line")) for key, label in _SOURCE.items()
    ]


def _hint(field: str, known: Sequence[str]) -> str:
    hint = _HINTS.get(field, "")
    # What a register says is about one of the two, and has no date.
    if field in ("person", "lab") and "person" in known and "date" not in known:
        return f"{hint} A person or a lab, not both."
    return hint


def _shape(field: str) -> Shape:
    if field in _NAMING:
        return "name"
    if field in _CHOICES:
        return "choice"
    if field == "date":
        return "date"
    return "long" if field in _LONG else "line"


def _field_of(fault: Fault) -> str:
    """The field that a fault stands at: of a founder, the name."""
    place = fault.pointer.removeprefix("/")
    parts = place.split("/")
    if len(parts) == 2 and parts[0] == "founders" and parts[1].isdecimal():
        return f"{place}/person"
    return place
