"""A write that is not made: what it would change, by the same path as the write itself."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from service.domain.effects import StintChange, stint_changes
from service.domain.events import RecordedEvent
from service.domain.findings import Finding
from service.domain.identity import PersonFacts
from service.domain.labs import LabFacts
from service.domain.stints import Stint
from service.postgres.pool import Connection
from service.read_models.beliefs import Model, Row, finding_of, lab_of, person_of, stint_of
from service.read_models.switching import hold_still
from service.recording.admission import Chance, admit
from service.recording.commands import Command
from service.recording.scope import project, read_reach, read_scope


class Rehearsal(Struct, frozen=True):
    """What a command would do."""

    events: Sequence[RecordedEvent]
    """As they would be recorded; those that are in the log already have their position."""
    changes: Sequence[StintChange]
    arising: Sequence[Finding]
    going: Sequence[Finding]
    head: int
    """The position that it was rehearsed at."""
    is_replayed: bool = False
    """Whether all of it is in the log already, so that nothing would change."""
    people: Mapping[str, PersonFacts] = {}
    """By id, whom it concerns, as they would be known afterwards; those who are new included."""
    labs: Mapping[str, LabFacts] = {}


async def rehearse(connection: Connection, command: Command, chance: Chance) -> Rehearsal:
    """
    What *command* would change as of now; nothing is recorded and nobody waits for it.

    Raises:
        Refusal: what the write itself would be refused for.
    """
    # A snapshot, and not the log's lock: a rehearsal holds up no write.
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await hold_still(connection)
        scope = await read_scope(connection, [command], chance.now())
        head = scope.head.position
        admitted = admit(command, scope, chance)
        units = (
            await project(scope, await read_reach(connection, scope), head) if scope.entries else []
        )
    before = [row for unit in units for row in unit.before()]
    after = [row for unit in units for row in unit.believed]
    return Rehearsal(
        events=admitted.events,
        changes=stint_changes(_stints(before), _stints(after)),
        arising=_findings(set(after) - set(before)),
        going=_findings(set(before) - set(after)),
        head=head,
        is_replayed=admitted.is_replayed,
        people={p.id: p for p in map(person_of, _of("people", after))},
        labs={lab.id: lab for lab in map(lab_of, _of("labs", after))},
    )


def _stints(rows: Iterable[Row]) -> list[Stint]:
    return [stint_of(row) for row in _of("stints", rows)]


def _findings(rows: Iterable[Row]) -> list[Finding]:
    return [finding_of(row) for row in sorted(_of("findings", rows))]


def _of(model: Model, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.model == model]
