"""Finding whom a reference means, and making ids for those who are new (API, References)."""

import itertools
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from service.domain.events import Entity, Kind, Profile, Ref, Reference
from service.domain.identity import fold_name, slug_of
from service.domain.refusals import AmbiguousName, Candidate, Refusal, UnknownName
from service.domain.subjects import Subject


class NamelessEntity(Refusal):
    """An object that says neither an id nor a name."""

    code = "nameless"

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            f"An object that stands for a {kind} needs a 'name', an 'id' or both; write "
            '{"name": "…"} or the id as a string.'
        )


class Directory:
    """
    The ids and names that some references may mean, as known at one position.

    It learns as events are admitted, and forgets again what a refused batch had taught it.
    """

    def __init__(self) -> None:
        self._canonical: dict[Subject, str] = {}
        self._labels: dict[Subject, str] = {}
        self._named: dict[tuple[Kind, str], dict[str, None]] = {}
        self._learned: list[Callable[[], object]] = []

    def add(self, subject: Subject, canonical_id: str, label: str) -> None:
        """That an id exists, which it stands for, and how to show it."""
        self._canonical[subject] = canonical_id
        # A later look at ids alone must not hide the name by which a candidate is shown.
        self._labels.setdefault(subject, label)

    def add_name(self, subject: Subject, folded: str) -> None:
        """That a folded name is one of an id's."""
        self._named.setdefault((subject.kind, folded), {})[subject.id] = None

    def subjects(self) -> list[Subject]:
        """Every id that is known here."""
        return list(self._canonical)

    def canonical(self, subject: Subject) -> str:
        """The id for which an id stands."""
        return self._canonical.get(subject, subject.id)

    def knows(self, subject: Subject, names: Iterable[str]) -> bool:
        """Whether all *names* are known to be this id's."""
        return all(
            subject.id in self._named.get((subject.kind, fold_name(name)), ()) for name in names
        )

    def find(self, kind: Kind, text: str) -> str | None:
        """
        The id that *text* means: itself, or the one whose name it is.

        Raises:
            AmbiguousName: it is a name of several who are not one.
        """
        # A plain pair equals the subject that it would make, at a third of the time.
        if (kind, text) in self._canonical:
            return text
        ids = list(self._named.get((kind, fold_name(text)), ()))
        meant = list(dict.fromkeys(self._canonical[Subject(kind, one)] for one in ids))
        if len(meant) > 1:
            raise AmbiguousName(kind, text, [self._candidate(kind, one) for one in sorted(meant)])
        if not meant:
            return None
        return ids[0] if len(ids) == 1 else meant[0]

    def resolve(self, reference: Reference) -> Ref:
        """
        The reference as it goes into the log: an id, or an object with its id that says a name.

        Raises:
            UnknownName: a string, or an id without a name, that nobody has.
            AmbiguousName: it fits several.
            NamelessEntity: an object that says nothing.
        """
        kind, ref = reference.kind, reference.ref
        if isinstance(ref, str):
            return self._resolve_text(kind, ref, free_text=reference.free_text)
        if ref.id is None and ref.name is None:
            raise NamelessEntity(kind)
        found = ref.id if ref.id is not None else self.find(kind, str(ref.name))
        said = [*([ref.name] if ref.name else []), *ref.aliases]
        if found is not None and Subject(kind, found) in self._canonical:
            subject = Subject(kind, found)
            if self.knows(subject, said):
                return found
        else:
            if ref.name is None:
                raise UnknownName(kind, str(ref.id))
            subject = Subject(kind, found or self._new_id(kind, ref.name))
            self._learn(subject, ref.name)
        self.learn_names(subject, said)
        return Entity(id=subject.id, name=ref.name, aliases=ref.aliases)

    def learn_names(self, subject: Subject, names: Iterable[str]) -> None:
        """That these are names of an id from here on."""
        for name in names:
            ids = self._named.setdefault((subject.kind, fold_name(name)), {})
            if subject.id not in ids:
                ids[subject.id] = None
                self._learned.append(lambda ids=ids: ids.pop(subject.id))  # type: ignore[misc]  # a default binds the loop's value

    def mark(self) -> int:
        """A point to which `forget` can go back."""
        return len(self._learned)

    def forget(self, mark: int) -> None:
        """Undo what was learned since *mark*."""
        while len(self._learned) > mark:
            self._learned.pop()()

    def _resolve_text(self, kind: Kind, text: str, *, free_text: bool) -> str:
        if free_text:
            return text
        found = self.find(kind, text)
        if found is None:
            raise UnknownName(kind, text)
        return found

    def _learn(self, subject: Subject, name: str) -> None:
        self.add(subject, subject.id, name)
        self._learned.append(lambda: (self._canonical.pop(subject), self._labels.pop(subject)))

    def _new_id(self, kind: Kind, name: str) -> str:
        slug = slug_of(name, otherwise=kind)
        numbered = itertools.chain([slug], (f"{slug}-{n}" for n in itertools.count(2)))
        return next(one for one in numbered if Subject(kind, one) not in self._canonical)

    def _candidate(self, kind: Kind, one: str) -> Candidate:
        return Candidate(one, self._labels.get(Subject(kind, one), one))


def slugs_wanted(references: Iterable[Reference]) -> list[Subject]:
    """The ids that objects without one would be given if they are new and the id is free."""
    return [
        Subject(r.kind, slug_of(r.ref.name, otherwise=r.kind))
        for r in references
        if isinstance(r.ref, Entity) and r.ref.id is None and r.ref.name is not None
    ]


def named_by_profile(profile: Profile) -> Profile:
    """*profile* with its name said in its subject too, where that is an id alone."""
    for field in ("person", "lab"):
        subject = getattr(profile, field)
        if isinstance(subject, Entity) and subject.name is None and profile.name is not None:
            return replace(profile, **{field: replace(subject, name=profile.name)})
    return profile
