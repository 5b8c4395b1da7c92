"""
A long stream of writes that is not made: what each chunk of it would come to after those before.

A chunk may use people whom an earlier one would create, and repeat or correct its events. What
is kept of earlier chunks is little: the names that they give, what links histories, and of
each event its id, its digest and what it is about.
"""

import struct
from collections.abc import Iterable
from itertools import count
from uuid import UUID

from service.domain.directory import slugs_wanted
from service.domain.events import (
    Correction,
    Entity,
    Hire,
    Kind,
    Position,
    Profile,
    RecordedEvent,
    Reference,
    Renaming,
    Retraction,
    SameAs,
    id_of,
    is_rumoured,
    references,
)
from service.domain.identity import fold_name
from service.domain.subjects import Subject
from service.log.append import Head
from service.postgres.pool import Connection
from service.read_models.directory import texts_of
from service.read_models.switching import hold_still
from service.recording.admission import Chance, Scope, admit
from service.recording.commands import Command, Outcome, Recorded
from service.recording.scope import read_scope

FIRST_POSITION = 10**15
"""Rehearsed events have positions far beyond the log, which may grow meanwhile."""
_SEEN = struct.Struct(">qq?32s")
_PLAIN = Hire(person="", lab="", date="2000")
"""Stands for what an event said that links nothing: only that it was said is looked at."""


class StreamRehearsal:
    """What the chunks that were rehearsed so far would leave behind."""

    def __init__(self) -> None:
        self._head = Position(FIRST_POSITION)
        self._seen: dict[bytes, bytes] = {}
        self._links: list[RecordedEvent] = []
        self._named: dict[tuple[Kind, str], tuple[str, ...]] = {}
        self._labels: dict[Subject, str] = {}
        self._into: dict[Subject, str] = {}

    async def take(self, connection: Connection, command: Command, chance: Chance) -> Recorded:
        """
        What *command* would come to; nothing is recorded and nobody waits for it.

        Shapes: positions are made up; those beyond `before` would be new.
        """
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await hold_still(connection)
            scope = await read_scope(connection, [command], chance.now())
        self._lay_over(scope, command)
        before = scope.head.position
        admitted = admit(command, scope, chance)
        self._keep(scope, command)
        outcomes = [Outcome(event, ()) for event in admitted.events]
        return Recorded(outcomes, admitted.is_replayed, before, admitted.refused)

    def _lay_over(self, scope: Scope, command: Command) -> None:
        """Let *scope*, which knows the log, know the earlier chunks too."""
        scope.head = Head(self._head, scope.head.hash, scope.head.recorded_at)
        scope.links += self._links
        for event_id in _ids(command):
            if event_id.bytes in self._seen:
                event = self._event(event_id)
                scope.known[event_id] = event
                root = event.target_position or event.position
                scope.chains.setdefault(root, []).append(event)
        asked = [r for s in command.submissions for r in references(s.payload)]
        self._lay_names_over(scope, asked)

    def _lay_names_over(self, scope: Scope, asked: Iterable[Reference]) -> None:
        directory = scope.directory
        every = list(asked)
        for kind, text in texts_of(every):
            folded = fold_name(text)
            for one in (text, *self._named.get((kind, folded), ())):
                if Subject(kind, one) in self._labels:
                    self._add(scope, Subject(kind, one))
            for one in self._named.get((kind, folded), ()):
                directory.add_name(Subject(kind, one), folded)
        for wanted in slugs_wanted(every):
            for number in count(1):
                slug = wanted.id if number == 1 else f"{wanted.id}-{number}"
                if Subject(wanted.kind, slug) not in self._labels:
                    break
                self._add(scope, Subject(wanted.kind, slug))
        for subject in directory.subjects():
            if (canonical := self._canonical(subject, scope)) != directory.canonical(subject):
                directory.add(subject, canonical, subject.id)

    def _add(self, scope: Scope, subject: Subject) -> None:
        scope.directory.add(subject, self._canonical(subject, scope), self._labels[subject])

    def _canonical(self, subject: Subject, scope: Scope) -> str:
        one = scope.directory.canonical(subject)
        while (into := self._into.get(Subject(subject.kind, one))) is not None:
            one = into
        return one

    def _event(self, event_id: UUID) -> RecordedEvent:
        position, target, is_log_event, body_digest = _SEEN.unpack(self._seen[event_id.bytes])
        link = next((e for e in self._links if e.position == position), None)
        if link is not None:
            return link
        payload = Retraction(target=event_id, reason="") if is_log_event else _PLAIN
        return RecordedEvent(
            position=Position(position),
            event_id=event_id,
            payload=payload,
            target_position=Position(target) if is_log_event else None,
            body_digest=body_digest,
        )

    def _keep(self, scope: Scope, command: Command) -> None:
        """Remember what the chunk would leave behind, in little room."""
        own_ids = {s.event_id for s in command.submissions}
        self._head = scope.head.position
        self._links = [e for e in scope.links if e.position > FIRST_POSITION]
        for entry in scope.entries:
            event = entry.event
            if event.event_id in own_ids:
                self._seen[event.event_id.bytes] = _SEEN.pack(
                    event.position,
                    event.target_position or 0,
                    event.target_position is not None,
                    event.body_digest or b"",
                )
            self._keep_names(event)

    def _keep_names(self, event: RecordedEvent) -> None:
        if isinstance(event.payload, Retraction):
            return
        fact = event.payload.event if isinstance(event.payload, Correction) else event.payload
        for reference in references(fact):
            if isinstance(reference.ref, Entity):
                said = (reference.ref.name, *reference.ref.aliases)
                self._name(Subject(reference.kind, id_of(reference.ref)), said)
        match fact:
            case Renaming(lab=lab, name=name):
                self._name(Subject("lab", id_of(lab)), [name])
            case Profile(person=person, lab=lab, name=name, aliases=aliases):
                kind: Kind = "person" if person is not None else "lab"
                self._name(Subject(kind, id_of(person or lab or "")), [name, *aliases])
            case SameAs(person=person, lab=lab, into=into) if not is_rumoured(fact):
                kind = "person" if person is not None else "lab"
                self._into[Subject(kind, id_of(person or lab or ""))] = id_of(into)
            case _:
                pass

    def _name(self, subject: Subject, said: Iterable[str | None]) -> None:
        for name in said:
            if name:
                self._labels.setdefault(subject, name)
                key = (subject.kind, fold_name(name))
                ids = self._named.get(key, ())
                if subject.id not in ids:
                    self._named[key] = (*ids, subject.id)


def _ids(command: Command) -> Iterable[UUID]:
    """The ids of events that a chunk names: its own, and those that it is about."""
    ids: dict[UUID, None] = {}
    for submission in command.submissions:
        if submission.event_id is not None:
            ids[submission.event_id] = None
        if isinstance(submission.payload, Correction | Retraction):
            ids[submission.payload.target] = None
    return ids
