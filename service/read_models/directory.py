"""The directory: which ids and names there are, as known at any position."""

from collections.abc import Collection, Iterable

import msgspec

from service.domain.directory import Directory
from service.domain.events import Kind, Reference
from service.domain.identity import PersonFacts, fold_name
from service.domain.labs import LabFacts, Labs
from service.domain.subjects import Subject
from service.postgres.pool import Connection
from service.postgres.statements import load_statements

_SQL = load_statements("service.read_models", "directory.sql")
_FIND_SUBJECTS = _SQL["find_subjects"]
_FIND_SLUGS = _SQL["find_slugs"]
_FIND_NEAR = _SQL["find_near"]
_FIND_ALIKE = _SQL["find_alike"]
_FETCH_PEOPLE = _SQL["fetch_people"]
_FETCH_LABS = _SQL["fetch_labs"]
_FETCH_PEOPLE_AND_LABS = _SQL["fetch_people_and_labs"]
_FETCH_EVERY_LAB = _SQL["fetch_every_lab"]
_FETCH_EVERY_PERSON = _SQL["fetch_every_person"]
_FETCH_IDS_OF = _SQL["fetch_ids_of"]
_FETCH_LAB_CHAINS = _SQL["fetch_lab_chains"]

_PERSON: msgspec.json.Decoder[PersonFacts] = msgspec.json.Decoder(PersonFacts)
_LAB: msgspec.json.Decoder[LabFacts] = msgspec.json.Decoder(LabFacts)


async def fetch_directory(
    connection: Connection, asked: Iterable[tuple[Kind, str]], *, position: int
) -> Directory:
    """All ids and names that the texts *asked* may mean, as known at *position*."""
    texts = list(dict.fromkeys(asked))
    rows = await connection.fetch(
        _FIND_SUBJECTS,
        [kind for kind, _ in texts],
        [text for _, text in texts],
        [fold_name(text) for _, text in texts],
        position,
    )
    directory = Directory()
    for row in rows:
        subject = Subject(row["kind"], row["subject_id"])
        if row["folded"] is not None:
            directory.add_name(subject, row["folded"])
        else:
            decoder = _PERSON if subject.kind == "person" else _LAB
            add_facts(directory, subject, decoder.decode(row["content"]))
    return directory


def add_facts(directory: Directory, subject: Subject, facts: PersonFacts | LabFacts) -> None:
    """Let *directory* know an id and its names."""
    directory.add(subject, facts.canonical_id, facts.name)
    for name in facts.names:
        directory.add_name(subject, fold_name(name))


def lab_facts_of(content: str) -> LabFacts:
    """The facts that a row of `labs` keeps."""
    return _LAB.decode(content)


async def add_slugs(
    connection: Connection, directory: Directory, wanted: Iterable[Subject]
) -> None:
    """Let *directory* know which of the ids *wanted* and their numbered followers are taken."""
    slugs = list(dict.fromkeys(wanted))
    if slugs:
        rows = await connection.fetch(_FIND_SLUGS, [s.kind for s in slugs], [s.id for s in slugs])
        for row in rows:
            subject = Subject(row["kind"], row["subject_id"])
            directory.add(subject, row["canonical_id"], row["subject_id"])


async def find_near(
    connection: Connection, kind: Kind, text: str, *, position: int, limit: int = 5
) -> list[str]:
    """Canonical ids of those whose names are near *text*, nearest first."""
    rows = await connection.fetch(_FIND_NEAR, kind, fold_name(text), position, limit)
    return [row["canonical_id"] for row in rows]


async def find_alike(
    connection: Connection, kind: Kind, text: str, *, position: int, after: str, limit: int
) -> list[str]:
    """
    Canonical ids of those one of whose names contains *text* or is near it, after one of them.

    Shapes: the best first, in the same order at the same position; empty *after* is before all.
    """
    folded = fold_name(text)
    escaped = folded.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    rows = await connection.fetch(_FIND_ALIKE, kind, f"%{escaped}%", folded, position, after, limit)
    return [row["canonical_id"] for row in rows]


async def fetch_people(
    connection: Connection, ids: Iterable[str], *, position: int
) -> dict[str, PersonFacts]:
    """What is known of these ids."""
    rows = await connection.fetch(_FETCH_PEOPLE, list(ids), position)
    return {one.id: one for one in (_PERSON.decode(row["content"]) for row in rows)}


async def fetch_labs(connection: Connection, ids: Iterable[str], *, position: int) -> Labs:
    """What is known of these ids; a `Labs` gives bare facts of one that is not known."""
    rows = await connection.fetch(_FETCH_LABS, list(ids), position)
    return Labs({one.id: one for one in (_LAB.decode(row["content"]) for row in rows)})


async def fetch_people_and_labs(
    connection: Connection, people: Collection[str], labs: Collection[str], *, position: int
) -> tuple[dict[str, PersonFacts], Labs]:
    """The same of both, in one round trip; in none if nobody is asked for."""
    if not people and not labs:
        return {}, Labs()
    rows = await connection.fetch(_FETCH_PEOPLE_AND_LABS, list(people), list(labs), position)
    known_people = [_PERSON.decode(row["content"]) for row in rows if row["kind"] == "person"]
    known_labs = [_LAB.decode(row["content"]) for row in rows if row["kind"] == "lab"]
    return {one.id: one for one in known_people}, Labs({one.id: one for one in known_labs})


async def fetch_every_lab(connection: Connection, *, position: int) -> list[LabFacts]:
    """Every lab, once, under its canonical id."""
    return [
        _LAB.decode(row["content"]) for row in await connection.fetch(_FETCH_EVERY_LAB, position)
    ]


async def fetch_every_person(
    connection: Connection, *, position: int, after: str, limit: int
) -> list[PersonFacts]:
    """At most *limit* people under their canonical ids, by id, after one."""
    rows = await connection.fetch(_FETCH_EVERY_PERSON, position, after, limit)
    return [_PERSON.decode(row["content"]) for row in rows]


async def fetch_ids_of(
    connection: Connection, kind: Kind, canonical_id: str, *, position: int
) -> list[str]:
    """Every id that stands for *canonical_id*, itself included."""
    rows = await connection.fetch(_FETCH_IDS_OF, kind, canonical_id, position)
    return list(dict.fromkeys((canonical_id, *(row["subject_id"] for row in rows))))


async def fetch_lab_chains(connection: Connection, ids: Iterable[str]) -> Labs:
    """What is believed now of these labs, those for which they stand and their successors."""
    rows = await connection.fetch(_FETCH_LAB_CHAINS, list(ids))
    return Labs({one.id: one for one in (_LAB.decode(row["content"]) for row in rows)})


def texts_of(references: Iterable[Reference]) -> list[tuple[Kind, str]]:
    """Every text by which *references* may mean someone who is known."""
    texts: list[tuple[Kind, str]] = []
    for reference in references:
        if isinstance(reference.ref, str):
            if not reference.free_text:
                texts.append((reference.kind, reference.ref))
        else:
            said = (reference.ref.id, reference.ref.name, *reference.ref.aliases)
            texts += [(reference.kind, text) for text in said if text is not None]
    return texts
