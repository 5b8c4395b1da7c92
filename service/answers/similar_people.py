"""People who may be the same, beside the findings: of now alone, and not of the fold."""

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from service.answers.findings import FindingsAnswer, FindingView
from service.answers.names import Labels, fetch_labels, resolve_path
from service.answers.times import Times
from service.domain.refusals import BadParameter
from service.postgres.pool import Connection
from service.read_models import directory as directories
from service.read_models.similar_people import KeptSimilar, fetch_checkpoint, fetch_similar

PLACE = "~"
"""Begins a place in this list, which shares its path with another one."""
_SENTENCES = {
    "same_name": "{person} ({person_id}) and {other} ({other_id}) share a name and may be one.",
    "near_name": "{person} ({person_id}) and {other} ({other_id}) have near names{labs} and may be "
    "one.",
}


async def similar_people(
    connection: Connection,
    times: Times,
    *,
    person: str | None,
    lab: str | None,
    after: tuple[str, str],
    is_first_page: bool,
    limit: int,
) -> FindingsAnswer:
    """
    At most *limit* pairs by id, after one.

    Whatever a page before was answered for, each is of now: *times* are told that the answer can
    change.

    Raises:
        BadParameter: another state of knowledge than the head is asked for.
        UnknownName, AmbiguousName: of *person* or *lab*.
    """
    if is_first_page and not times.are_now:
        raise BadParameter(
            "known_at",
            "People who may be the same are looked for as of now; leave out 'known_at', or ask "
            "for another 'kind'.",
        )
    ids = lab_id = None
    if person is not None:
        one = await resolve_path(connection, "person", person, times)
        ids = await directories.fetch_ids_of(connection, "person", one, position=times.head)
    if lab is not None:
        lab_id = await resolve_path(connection, "lab", lab, times)
    kept = await fetch_similar(connection, people=ids, lab=lab_id, after=after, limit=limit + 1)
    page = kept[:limit]
    looked_at = await fetch_checkpoint(connection)
    items = await _views(connection, page, times)
    times.is_pinned = False
    times.fixed_by = ()
    times.beside = _digest((looked_at, items))
    return FindingsAnswer(
        items=items,
        next=f"{PLACE}{page[-1].person}.{page[-1].other}" if len(kept) > limit else None,
        at=times.at,
        known_at=times.known_at,
        looked_at=looked_at,
    )


async def _views(
    connection: Connection, kept: Iterable[KeptSimilar], times: Times
) -> list[FindingView]:
    every = list(kept)
    labels = await fetch_labels(
        connection,
        people={one for k in every for one in (k.person, k.other)},
        labs={lab for k in every for lab in k.labs},
        at=times.at,
        position=times.head,
    )
    return [_view(k, labels) for k in every]


def _view(kept: KeptSimilar, labels: Labels) -> FindingView:
    person, other = labels.person(kept.person), labels.person(kept.other)
    labs = [labels.lab(lab) for lab in kept.labs]
    at = " and ".join(lab.name for lab in labs)
    return FindingView(
        kind="possible_same_person",
        person=person,
        other=other,
        labs=labs,
        events=(),
        days=None,
        detail=_SENTENCES[kept.reason].format(
            person=person.name,
            person_id=person.id,
            other=other.name,
            other_id=other.id,
            labs=f", were both at {at}" if labs else "",
        ),
    )


def _digest(shown: object) -> str:
    return sha256(msgspec.json.encode(shown)).hexdigest()[:32]
