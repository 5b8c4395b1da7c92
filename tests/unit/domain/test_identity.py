"""Who is meant: names compared, ids made, ids that are one, and names ever had (SEMANTICS 3, 4)."""

import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.effective import effective_events, in_force
from service.domain.events import Kind, OutsideIds, Payload, RecordedEvent
from service.domain.identity import (
    SLUG_CHARACTERS_MAX,
    KnownNames,
    canonical_ids,
    fold_name,
    fold_people,
    is_slug,
    known_names,
    leads_to,
    mapped_ids,
    slug_of,
)
from tests.support.answers import told
from tests.support.builders import (
    correction,
    departure,
    different_people,
    entity,
    founding,
    hire,
    lab_profile,
    log,
    merger,
    ownership,
    person_profile,
    retraction,
    same_lab,
    same_person,
    sighting,
)

ALIKE = {
    "case": ("DeepMind", "deepmind"),
    "spaces": ("  Ilya \t Sutskever\n", "ilya sutskever"),
    "accent": ("Sébastien Bubeck", "Sebastien Bubeck"),
    "decomposed": ("Se\N{COMBINING ACUTE ACCENT}bastien", "Sébastien"),
    "o with stroke": ("Søren", "SOREN"),
    "l with stroke": ("Łukasz", "lukasz"),
    "sharp s": ("Straße", "STRASSE"),
    "thorn": ("Þór", "thor"),
    "d with stroke": ("Đặng", "dang"),
    "ae": ("Ægir", "aegir"),
    "i with dot": ("İlker", "ilker"),
    "i without dot": ("Işık", "isik"),
    "apostrophe": ("O\N{RIGHT SINGLE QUOTATION MARK}Brien", "O'Brien"),
    "dash": ("Jean\N{EN DASH}Luc", "jean-luc"),
    "quotes": ("\N{LEFT DOUBLE QUOTATION MARK}Q\N{RIGHT DOUBLE QUOTATION MARK}", '"q"'),
    "no-break space": ("Ann\N{NO-BREAK SPACE}Lee", "ann lee"),
    "full width": ("\N{FULLWIDTH LATIN CAPITAL LETTER D}eep", "deep"),
    "ligature": ("\N{LATIN SMALL LIGATURE FI}nn", "finn"),
    "Cyrillic case": ("Илья Суцкевер", "илья суцкевер"),
    "Cyrillic io": ("Семён", "семен"),
    "final sigma": ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
    "Arabic vowels": (
        "\u0645\N{ARABIC DAMMA}\u062d\N{ARABIC FATHA}\u0645\N{ARABIC SHADDA}\u062f",
        "\u0645\u062d\u0645\u062f",
    ),
    "Hebrew points": (
        "\u05e9\N{HEBREW POINT SHIN DOT}\N{HEBREW POINT QAMATS}\u05dc\u05d5\u05dd",
        "\u05e9\u05dc\u05d5\u05dd",
    ),
    "Hebrew sheva": ("\u05e9\N{HEBREW POINT SHEVA}\u05dc", "\u05e9\u05dc"),
    "Arabic superscript alef": ("\u0631\N{ARABIC LETTER SUPERSCRIPT ALEF}\u0645", "\u0631\u0645"),
    "Hangul decomposed": (unicodedata.normalize("NFD", "김정은"), "김정은"),
    "half-width kana": (
        "\N{HALFWIDTH KATAKANA LETTER KA}\N{HALFWIDTH KATAKANA VOICED SOUND MARK}",
        "ガ",
    ),
    "voicing decomposed": ("か\N{COMBINING KATAKANA-HIRAGANA VOICED SOUND MARK}", "が"),
    "iota below alone": ("\N{GREEK YPOGEGRAMMENI}", "\N{GREEK SMALL LETTER IOTA}"),
    "iota below, then an accent": (
        "\N{GREEK YPOGEGRAMMENI}\N{COMBINING ACUTE ACCENT}",
        "\N{GREEK SMALL LETTER IOTA}",
    ),
    "nukta decomposed": ("\u0915\N{DEVANAGARI SIGN NUKTA}", "\N{DEVANAGARI LETTER QA}"),
}

APART = {
    "voiced kana": ("か", "が"),
    "half-voiced kana": ("ハ", "パ"),
    "hiragana and katakana": ("か", "カ"),
    "Devanagari vowel sign": ("\u0928", "\u0928\N{DEVANAGARI VOWEL SIGN I}"),
    "Devanagari nukta": ("\u0915", "\N{DEVANAGARI LETTER QA}"),
    "Devanagari virama": ("\u0936\u0930\N{DEVANAGARI SIGN VIRAMA}\u092e", "\u0936\u0930\u092e"),
    "Thai vowel sign": ("\u0e2a\N{THAI CHARACTER SARA I}", "\u0e2a"),
    "Hangul final": ("김", "기"),
    "Chinese character": ("林俊旸", "林俊"),
    "another script": ("илья", "ilya"),
    "space": ("ann lee", "annlee"),
    "hyphen": ("a-b", "a b"),
    "accents alone": ("\N{COMBINING ACUTE ACCENT}", "\N{COMBINING GRAVE ACCENT}"),
}

OF_SCRIPTS = {
    "Chinese": ("林俊旸", "linjunyang"),
    "Cyrillic": ("илья", "il-ya"),
    "Hangul": ("김정은", "gimjeongeun"),
    "Kana": ("が", "ga"),
    "Arabic": ("\u0645\u062d\u0645\u062f", "mhmd"),
    "Hebrew": ("\u05e9\u05dc\u05d5\u05dd", "slvm"),
    "Devanagari": ("\u0936\u0930\N{DEVANAGARI SIGN VIRAMA}\u092e\u093e", "srma"),
}


@pytest.mark.parametrize(("one", "other"), ALIKE.values(), ids=ALIKE)
def test_names_alike_fold_alike(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)


@pytest.mark.parametrize(("one", "other"), APART.values(), ids=APART)
def test_other_names_stay_apart(one: str, other: str) -> None:
    assert fold_name(one) != fold_name(other)


@pytest.mark.parametrize(("name", "slug"), OF_SCRIPTS.values(), ids=OF_SCRIPTS)
def test_scripts_are_kept_in_names_and_not_in_slugs(name: str, slug: str) -> None:
    """A comparison transliterates only what is Latin already; an id is Latin throughout."""
    assert fold_name(name) == name
    assert slug_of(name, otherwise="person") == slug


def test_folded_name_is_plain() -> None:
    assert fold_name(" ŁUKASZ  Straße ") == "lukasz strasse"
    assert fold_name("  ") == ""


def test_nothing_but_blanks_folds_to_nothing() -> None:
    """Else a name would be taken that nobody can be found by: of every character, alone."""
    every = [chr(n) for n in range(sys.maxunicode + 1) if not 0xD800 <= n <= 0xDFFF]
    plain = fold_name.__wrapped__
    assert [c for c in every if (plain(c) == "") != (c.strip() == "")] == []
    changing = [c for c in every if plain(c) != c]
    assert [c for c in changing if plain(plain(c)) != plain(c)] == []


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold_name(fold_name(text)) == fold_name(text)


@pytest.mark.parametrize(
    ("name", "slug"),
    {
        "Ilya Sutskever": "ilya-sutskever",
        "Character.AI": "character-ai",
        "01.AI": "01-ai",
        "  --X--  ": "x",
        "Łukasz Straße": "lukasz-strasse",
        "İlker": "ilker",
    }.items(),
)
def test_slug_is_letters_digits_and_hyphens(name: str, slug: str) -> None:
    assert slug_of(name, otherwise="person") == slug


@pytest.mark.parametrize("name", ["", "???", "\N{EN DASH}", "\N{COMBINING ACUTE ACCENT}"])
def test_slug_of_no_letters_is_the_kind(name: str) -> None:
    assert slug_of(name, otherwise="lab") == "lab"


def test_long_slug_is_cut_and_leaves_room_for_a_number() -> None:
    room = SLUG_CHARACTERS_MAX - 8
    assert slug_of("a" * 200, otherwise="lab") == "a" * room
    assert is_slug(slug_of("a" * 200, otherwise="lab") + "-1000000")
    hyphen_last = "a" * (room - 1) + " b"
    assert slug_of(hyphen_last, otherwise="lab") == "a" * (room - 1)


@given(st.text())
def test_every_slug_can_be_an_id(text: str) -> None:
    assert is_slug(slug_of(text, otherwise="lab"))


@pytest.mark.parametrize("text", ["x", "01-ai", "a-b-c", "a" * SLUG_CHARACTERS_MAX])
def test_ids_are_slugs(text: str) -> None:
    assert is_slug(text)


@pytest.mark.parametrize(
    "text",
    ["", "-", "a-", "-a", "a--b", "A", "a b", "a_b", "é", "a\n", "a" * (SLUG_CHARACTERS_MAX + 1)],
)
def test_other_texts_are_no_slugs(text: str) -> None:
    assert not is_slug(text)


def canonical(*payloads: Payload, kind: Kind = "person") -> tuple[dict[str, str], list[Any]]:
    mapped, findings = canonical_ids(effective_events(log(*payloads)), kind)
    return mapped, [(f.kind, *told(f)) for f in findings]


def test_same_as_maps_one_id_into_another() -> None:
    assert canonical(same_person("annie", into="ann")) == ({"annie": "ann"}, [])


def test_same_as_is_transitive() -> None:
    """Whatever the order in which the links were recorded."""
    links = same_person("a", into="b"), same_person("b", into="c"), same_person("c", into="d")
    for order in (links, links[::-1]):
        assert canonical(*order)[0] == {"a": "d", "b": "d", "c": "d"}


def test_last_same_as_of_an_id_holds() -> None:
    links = same_person("annie", into="ann"), same_person("annie", into="anna")
    assert canonical(*links) == ({"annie": "anna"}, [])
    assert canonical(*links[::-1]) == ({"annie": "ann"}, [])


def test_same_as_can_be_taken_back() -> None:
    assert canonical(same_person("annie", into="ann"), retraction(1)) == ({}, [])


def test_earlier_same_as_holds_again_without_the_later() -> None:
    links = same_person("annie", into="ann"), same_person("annie", into="anna")
    assert canonical(*links, retraction(2)) == ({"annie": "ann"}, [])


def test_same_as_that_holds_already_changes_nothing() -> None:
    links = same_person("annie", into="ann"), same_person("annie", into="ann")
    assert canonical(*links) == ({"annie": "ann"}, [])


def test_rumoured_same_as_maps_nothing() -> None:
    assert canonical(same_person("annie", into="ann", certainty="rumoured")) == ({}, [])


def test_same_as_that_closes_a_cycle_is_ignored() -> None:
    links = same_person("a", into="b"), same_person("b", into="c"), same_person("c", into="a")
    assert canonical(*links) == ({"a": "c", "b": "c"}, [("cycle", "c", (), (3,))])
    assert canonical(*links[::-1]) == ({"c": "a", "b": "a"}, [("cycle", "a", (), (3,))])


def test_same_as_of_itself_is_a_cycle() -> None:
    assert canonical(same_person("a", into="a")) == ({}, [("cycle", "a", (), (1,))])


def test_cycle_is_judged_by_position() -> None:
    """A corrected link keeps its position, and so a later one closes the cycle."""
    links = same_person("a", into="b"), same_person("c", into="d")
    mapped, findings = canonical(*links, correction(1, same_person("d", into="c")))
    assert mapped == {"d": "c"}
    assert findings == [("cycle", "c", (), (2,))]


def test_turned_link_closes_no_cycle() -> None:
    links = same_person("a", into="b"), same_person("a", into="c"), same_person("b", into="a")
    assert canonical(*links) == ({"a": "c", "b": "c"}, [])


def test_people_and_labs_are_mapped_apart() -> None:
    links = same_person("a", into="b"), same_lab("b", into="a")
    assert canonical(*links, kind="person") == ({"a": "b"}, [])
    assert canonical(*links, kind="lab") == ({"b": "a"}, [])


def test_cycle_of_labs_is_found_of_labs() -> None:
    links = same_lab("x", into="y"), same_lab("y", into="x")
    assert canonical(*links, kind="lab") == ({"x": "y"}, [("cycle", None, ("y",), (2,))])


def test_different_from_maps_nothing() -> None:
    assert canonical(different_people("a", "b")) == ({}, [])


def test_chain_of_ids_leads_to_its_end() -> None:
    into = {"a": "b", "b": "c"}
    assert leads_to(into, "a", "a")
    assert leads_to(into, "a", "c")
    assert not leads_to(into, "c", "a")
    assert not leads_to({}, "a", "b")


def test_mapped_ids_are_those_of_each_canonical_id() -> None:
    assert mapped_ids({"a": "d", "b": "d", "c": "e"}) == {"d": ["a", "b"], "e": ["c"]}


def names(*payloads: Payload, of: str = "ann", kind: Kind = "person") -> tuple[str, set[str]]:
    """The registered name of an id and its others."""
    known = _known_names(log(*payloads), kind)[of]
    assert len(known.others) == len(set(known.others))
    return known.name, set(known.others)


ANN = entity("ann", "Ann Lee", "Annie")
HIRED = hire(ANN, at="x", on="2020")


def test_name_is_the_one_it_was_created_with() -> None:
    assert names(HIRED) == ("Ann Lee", {"Annie"})


def test_id_without_a_name_is_its_name() -> None:
    assert names(hire("ann", at="x", on="2020")) == ("ann", set())
    assert names(hire(entity("ann"), at="x", on="2020")) == ("ann", set())


def test_name_said_later_is_another_name() -> None:
    seen = sighting(entity("ann", "Ann L. Lee", "A. Lee"), at="x", on="2021")
    assert names(HIRED, seen) == ("Ann Lee", {"Annie", "Ann L. Lee", "A. Lee"})


def test_name_said_again_is_no_other_name() -> None:
    assert names(HIRED, HIRED) == ("Ann Lee", {"Annie"})


def test_last_profile_gives_the_registered_name() -> None:
    """The names before it still resolve."""
    profiles = person_profile("ann", name="Ann Park"), person_profile("ann", name="Ann Kim")
    assert names(HIRED, *profiles) == ("Ann Kim", {"Annie", "Ann Lee", "Ann Park"})


def test_profile_without_a_name_keeps_it() -> None:
    profiles = person_profile("ann", name="Ann Park"), person_profile("ann", aliases=("AP",))
    assert names(HIRED, *profiles) == ("Ann Park", {"Annie", "Ann Lee", "AP"})


def test_name_of_a_retracted_profile_is_gone() -> None:
    said = HIRED, person_profile("ann", name="Ann Park", aliases=("AP",)), retraction(2)
    assert names(*said) == ("Ann Lee", {"Annie"})


def test_name_of_a_corrected_profile_is_gone() -> None:
    said = HIRED, person_profile("ann", name="Ann Prak")
    corrected = correction(2, person_profile("ann", name="Ann Park"))
    assert names(*said, corrected) == ("Ann Park", {"Annie", "Ann Lee"})


def test_corrected_profile_gives_way_to_a_later_one() -> None:
    """It keeps the position of its original."""
    said = HIRED, person_profile("ann", name="Ann Park"), person_profile("ann", name="Ann Kim")
    corrected = correction(2, person_profile("ann", name="Ann Roe"))
    assert names(*said, corrected) == ("Ann Kim", {"Annie", "Ann Lee", "Ann Roe"})


def test_name_of_a_creation_outlives_its_event() -> None:
    """Later events refer to the id that it made."""
    bob = hire(entity("bob", "Bob Ray"), at="x", on="2020")
    assert names(HIRED, retraction(1)) == ("Ann Lee", {"Annie"})
    assert names(HIRED, correction(1, bob)) == ("Ann Lee", {"Annie"})
    assert names(HIRED, correction(1, bob), of="bob") == ("Bob Ray", set())


def test_other_name_is_gone_with_its_event() -> None:
    seen = sighting(entity("ann", "Ann L. Lee"), at="x", on="2021")
    assert names(HIRED, seen, retraction(2)) == ("Ann Lee", {"Annie"})
    assert names(HIRED, seen, correction(2, HIRED)) == ("Ann Lee", {"Annie"})


def test_rumoured_profile_registers_no_name() -> None:
    profile = person_profile("ann", name="Ann Park", certainty="rumoured")
    assert names(HIRED, profile) == ("Ann Lee", {"Annie"})


def test_labs_and_people_have_names_apart() -> None:
    said = HIRED, lab_profile(entity("ann", "Ann Labs"), name="Ann Research")
    assert names(*said) == ("Ann Lee", {"Annie"})
    assert names(*said, kind="lab") == ("Ann Research", {"Ann Labs"})


def test_free_text_is_no_lab() -> None:
    """A parent may be someone of whom nothing is known; an object is a lab all the same."""
    said = (
        ownership("x", parent="Some Corp", on="2020"),
        founding("y", on="2020", parent=entity("alphabet", "Alphabet")),
    )
    assert _known_names(log(*said), "lab").keys() == {"x", "y", "alphabet"}


def test_every_reference_makes_an_id_known() -> None:
    said = (
        founding("x", on="2015", by=("ann",)),
        merger("y", into="z", on="2020"),
        same_person("bob", into="cid"),
        retraction(1),
        correction(1, hire("dan", at="w", on="2020")),
    )
    assert _known_names(log(*said), "lab").keys() == {"w", "x", "y", "z"}
    assert _known_names(log(*said), "person").keys() == {"ann", "bob", "cid", "dan"}


def test_ids_elsewhere_are_gathered() -> None:
    """An outside id that a later profile does not give stays."""
    said = log(
        person_profile("ann", ids=OutsideIds(wikidata="Q1", orcid="0")),
        person_profile("ann", ids=OutsideIds(wikidata="Q2", homepage="https://ann.example")),
        person_profile("ann", name="Ann"),
    )
    ids = fold_people(said)["ann"].ids
    assert ids == OutsideIds(wikidata="Q2", orcid="0", homepage="https://ann.example")


def test_person_has_the_names_of_ids_mapped_here() -> None:
    said = log(
        HIRED,
        hire(entity("alee", "A. Lee", "Annie"), at="y", on="2021"),
        same_person("alee", into="ann"),
    )
    ann = fold_people(said)["ann"]
    assert (ann.canonical_id, ann.name, ann.aliases) == ("ann", "Ann Lee", ("Annie", "A. Lee"))
    assert ann.names == ("Ann Lee", "Annie")


def test_mapped_person_keeps_names_and_knows_whom_it_is() -> None:
    said = log(
        HIRED,
        hire(entity("alee", "A. Lee"), at="y", on="2021"),
        same_person("alee", into="ann"),
    )
    mapped = fold_people(said)["alee"]
    assert (mapped.id, mapped.canonical_id, mapped.name) == ("alee", "ann", "A. Lee")
    assert mapped.names == ("A. Lee",)
    assert mapped.aliases == ()


def test_name_in_common_is_no_alias() -> None:
    said = log(
        HIRED,
        hire(entity("ann-2", "Ann Lee"), at="y", on="2021"),
        same_person("ann-2", into="ann"),
    )
    assert fold_people(said)["ann"].aliases == ("Annie",)


def _known_names(recorded: list[RecordedEvent], kind: Kind) -> dict[str, KnownNames]:
    return known_names(recorded, in_force(recorded), kind)


def test_an_id_whose_creation_was_erased_is_known_by_the_next_name_that_is_said() -> None:
    events = log(
        hire("ada", at="x", on="2020"),
        departure("ada", at="x", on="2021"),
        person_profile(entity("ada", "Ada Lovelace", "Countess")),
        person_profile(entity("ada", "Augusta King")),
    )
    facts = fold_people(events)["ada"]
    assert facts.name == "Ada Lovelace"
    assert facts.names == ("Ada Lovelace", "Countess", "Augusta King")
    assert fold_people(events[:2])["ada"].name == "ada"
