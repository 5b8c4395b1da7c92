"""
People who may be the same: a guess from their names, which is no part of the fold.

It is not kept over time and no finding of SEMANTICS 5: an editor settles each with a same_as or
a different_from.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal, NamedTuple

from service.domain.identity import PersonFacts

SimilarReason = Literal["same_name", "near_name"]

PAIRS_MAX = 5
"""So many are kept for one id: of a common name everyone is like everyone."""
SIMILARITY_MIN = 0.8


class Similar(NamedTuple):
    """Two ids that may be one person, in alphabetical order."""

    person: str
    other: str
    reason: SimilarReason
    """`same_name`: a name or alias of both is the same when folded."""
    similarity: float
    """Of the nearest two of their names, by trigrams; 1 of the same."""


def similar(one: str, other: str, reason: SimilarReason, similarity: float) -> Similar:
    """The pair, whichever was looked at."""
    return Similar(min(one, other), max(one, other), reason, similarity)


def choose(
    found: Iterable[Similar], facts: Mapping[str, PersonFacts], kept: Mapping[str, int]
) -> list[Similar]:
    """
    The nearest of *found*, so that no id has more than PAIRS_MAX.

    Shapes: *facts* of all ids in *found* and of those from which they are told apart; *kept* is
    how many pairs an id has besides.
    """
    counts = dict(kept)
    chosen: dict[tuple[str, str], Similar] = {}
    for pair in sorted(found, key=lambda p: (-p.similarity, p.reason, p.person, p.other)):
        ids = (pair.person, pair.other)
        if ids in chosen or is_settled(*ids, facts):
            continue
        if all(counts.get(one, 0) < PAIRS_MAX for one in ids):
            chosen[ids] = pair
            for one in ids:
                counts[one] = counts.get(one, 0) + 1
    return list(chosen.values())


def is_settled(one: str, other: str, facts: Mapping[str, PersonFacts]) -> bool:
    """Whether somebody said that they are one, or that they are not."""
    own, others = _canonical(one, facts), _canonical(other, facts)
    if own == others:
        return True
    whole = facts.get(own)
    return whole is not None and others in {_canonical(a, facts) for a in whole.different_from}


def wanted_of(facts: Iterable[PersonFacts]) -> Collection[str]:
    """Ids of which the facts are needed to know who is told apart from whom."""
    return {one for each in facts for one in (each.canonical_id, *each.different_from)}


def _canonical(one: str, facts: Mapping[str, PersonFacts]) -> str:
    return facts[one].canonical_id if one in facts else one
