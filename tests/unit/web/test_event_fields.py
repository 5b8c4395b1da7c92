"""An event as the fields of a form, and back."""

import re
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.answers.names import Named
from service.domain.events import (
    FACTS,
    Alternative,
    Basis,
    Certainty,
    Entity,
    Fact,
    Founder,
    OutsideIds,
    Relation,
    Source,
)
from service.domain.refusals import Candidate, Fault, UnknownName
from service.domain.submissions import check_payload
from service.web.escaping import as_value
from service.web.event_fields import body_of, fields_of
from service.web.event_forms import ROWS_MIN, form_of
from tests.support.strategies import edtf, facts

texts = st.text(
    st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1, max_size=8
).filter(str.strip)
slugs = st.from_regex(r"[a-z]{1,3}(-[a-z0-9]{1,2})?", fullmatch=True)
addresses = st.just("https://example.org/a?b=c")


def _some(type_: type[Any], **given: Any) -> st.SearchStrategy[Any]:
    """One of *type_* with any of its fields, one at least."""
    return st.fixed_dictionaries({}, optional=given).filter(bool).map(lambda said: type_(**said))


def _tuples(of: st.SearchStrategy[Any], size_min: int = 0) -> st.SearchStrategy[Any]:
    return st.lists(of, min_size=size_min, max_size=2).map(tuple)


entities = st.builds(Entity, name=texts, id=st.none() | slugs, aliases=_tuples(texts))
refs = st.one_of(slugs, texts, entities)
sources = st.builds(
    Source, url=addresses, title=st.none() | texts, publisher=st.none() | texts, published=edtf
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "date": edtf,
    "person": refs,
    "lab": refs,
    "into": refs,
    "other": refs,
    "parent": refs,
    "absorbed": _tuples(refs, 1),
    "founders": _tuples(st.builds(Founder, person=refs, role=st.none() | texts)),
    "aliases": _tuples(texts),
    "ids": _some(OutsideIds, wikidata=texts, orcid=texts, homepage=addresses),
    "basis": st.sampled_from(get_args(Basis)),
    "certainty": st.sampled_from(get_args(Certainty)),
    "relation": st.sampled_from(get_args(Relation)),
    "sources": _tuples(sources),
    "alternatives": _tuples(st.builds(Alternative, date=edtf, sources=_tuples(sources))),
}
"""What a field can say; any text where it is not told here."""


@st.composite
def _payloads(draw: st.DrawFn) -> Fact:
    type_ = draw(st.sampled_from(sorted(FACTS)))
    info = msgspec.structs.fields(FACTS[type_])
    said = {
        field.name: draw(FIELDS.get(field.name, texts))
        for field in info
        if field.required or draw(st.booleans())
    }
    if type_ in ("profile", "same_as", "different_from"):
        kind = draw(st.sampled_from(["person", "lab"]))
        said.pop("person", None), said.pop("lab", None)
        said[kind] = draw(refs)
        if kind == "person":
            said = {k: v for k, v in said.items() if k not in ("kind", "parent", "country")}
    made: Fact = FACTS[type_](**said)
    return made


@given(st.one_of(facts, _payloads()))
@example(FACTS["profile"](person=Entity(id="ada", aliases=("The Countess",)), name="Ada"))
def test_event_comes_back_from_a_form_as_it_was(payload: Fact) -> None:
    fields = fields_of(msgspec.to_builtins(payload))
    assert all(isinstance(text, str) for text in fields.values())
    assert check_payload(body_of(fields), types=FACTS) == (payload, [])
    # Browsers send the ends of lines as they like.
    sent = {name: text.replace("\n", "\r\n") for name, text in fields.items()}
    assert body_of(sent) == body_of(fields)


@given(st.one_of(facts, _payloads()))
def test_every_field_that_is_said_has_an_input(payload: Fact) -> None:
    """So that nothing of an event is lost by correcting something else in it."""
    fields = fields_of(msgspec.to_builtins(payload))
    form = form_of(fields)
    inputs = [*form.inputs, *(one for group in form.groups for row in group.rows for one in row)]
    shown = {"type": form.type}
    for one in inputs:
        shown[one.name] = one.value
        if one.shape == "name":
            shown |= {f"{one.name}/new": "on" if one.is_new else "", f"{one.name}/id": one.own_id}
            shown |= {f"{one.name}/aliases/{i}": alias for i, alias in enumerate(one.aliases)}
    assert body_of(shown) == body_of(fields)


def test_event_as_it_reads_fills_a_form_with_ids() -> None:
    view = {
        "type": "founding",
        "lab": Named("x", "Lab X"),
        "founders": [Named("ada", "Ada"), {"person": Named("bob", "Bob"), "role": "CEO"}],
        "date": "2020",
    }
    assert body_of(fields_of(view)) == {
        "type": "founding",
        "lab": "x",
        "founders": [{"person": "ada"}, {"person": "bob", "role": "CEO"}],
        "date": "2020",
    }


@pytest.mark.parametrize(
    "odd",
    [
        {"x": "1"},
        {"person/" * 50: "1"},
        {"sources/" + "9" * 5000 + "/url": "https://example.org"},
        {"sources/0": "text", "sources/0/url": "x"},
        {"/": "1", "": "2", "person//": "x"},
        {"sources/²/url": "x"},
    ],
    ids=lambda odd: next(iter(odd))[:12],
)
def test_fields_that_no_form_has_do_no_harm(odd: dict[str, str]) -> None:
    body = body_of({"type": "hire", "person": "ada", "person/id": "passed-over", **odd})
    assert body["person"] == "ada"
    check_payload(body, types=FACTS)
    form_of(fields_of(body))


def test_faults_stand_at_their_fields() -> None:
    body = body_of({"type": "founding", "lab": "x", "date": "2024-13", "founders/4/person": "Ann"})
    near = (Candidate("anne", "Anne"),)
    unknown = UnknownName("person", "Ann; or not", near).at("/founders/0")
    faults = [*check_payload(body, types=FACTS)[1], unknown, Fault("", "Of the whole.")]
    form = form_of(fields_of(body), faults, rows={"sources": 5})
    (date,) = [one for one in form.inputs if one.name == "date"]
    assert [fault.pointer for fault in date.faults] == ["/date"]
    founders, *_ = [group for group in form.groups if group.name == "founders"]
    assert founders.rows[0][0].offered == list(near)
    assert [fault.message for fault in form.faults] == ["Of the whole."]
    assert [element for element, _ in form.summary] == ["", "f-date", "f-founders-0-person"]
    assert form.summary[2][1].startswith("Nobody is called 'Ann'; take one")
    assert {group.name: len(group.rows) for group in form.groups if group.name == "sources"} == {
        "sources": 5
    }
    assert ROWS_MIN["founders"] == len(founders.rows)


def _as_browsers_read(value: str) -> str:
    """
    The text of an attribute.

    Source: HTML, *Numeric character reference end state*; Python's parser drops controls instead.
    """

    def meant(reference: re.Match[str]) -> str:
        number = int(reference[1])
        if 0x80 <= number <= 0x9F:
            return bytes([number]).decode("cp1252", errors="replace")
        return chr(number)

    read = re.sub(r"&#([0-9]+);", meant, value)
    return re.sub("&(lt|gt|amp);", lambda name: {"lt": "<", "gt": ">", "amp": "&"}[name[1]], read)


@given(st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=20))
@example("\ufffe")
@example("\x96")
@example("\x0b")
@example("&#150;&amp;")
def test_value_comes_back_from_a_page_as_it_was(text: str) -> None:
    value = as_value(text)
    assert '"' not in value
    assert _as_browsers_read(value) == text
