"""`timeline erase`: a person or an event, out of the log and of every answer."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import click
import msgspec

from service.cli.client import Client, path_to
from service.cli.exits import CommandRefused, refused
from service.cli.options import Service, service_options
from service.cli.terminal import advise, print_json, print_line
from service.cli.words import instant_in_words

SHOWN_MAX = 20
_FIELDS = {"event_id", "type", "recorded_at", "payload"}
LINE_BYTES_MAX = 64 * 1024 * 1024


@click.command(
    epilog="""\b
Example:
  timeline erase "John Jumper" --reason "Asked for by letter of 3 May 2027" --dry-run
  timeline erase --event 4f1c1c1e-0a5e-4e57-9a5f-6f1e7c3d2b10 --reason "Names a patient"
  timeline erase --again newer-export.ndjson"""
)
@click.argument("person", required=False)
@click.option("--reason", help="Why; it stays on the log, without the name of who is erased.")
@click.option("--event", "event_id", metavar="ID", help="Erase what this one event says instead.")
@click.option(
    "--instead",
    type=click.File("rb"),
    metavar="FILE",
    help="With --event: JSON of the event that holds in its place, or - for stdin.",
)
@click.option(
    "--again",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Apply the erasures of a newer export, after an older one was restored.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be erased, and erase nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@service_options
def erase(
    service: Service,
    /,
    person: str | None,
    reason: str | None,
    event_id: str | None,
    instead: IO[bytes] | None,
    again: Path | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """
    Erase a person, for ever.

    Everything that names PERSON, by whichever name, is taken out of the log, and with it out of every answer, also for earlier times. What others would lose with it is said again first: a founding without that founder, names of labs. Hashes stay, so that the log still verifies, and an erasure stays on it with the reason. Backups, exports and copies are not reached.
    """
    if sum(given is not None for given in (person, event_id, again)) != 1:
        raise click.UsageError("Give PERSON, or --event, or --again; one of them.")
    if instead is not None and event_id is None:
        raise click.UsageError("--instead goes with --event.")
    if again is not None:
        if reason is not None:
            raise click.UsageError("--again takes the reasons of the export.")
        bodies = _bodies_again(list(_erasures(again)))
        _erase_again(service, bodies, dry_run=dry_run, yes=yes)
        return
    if reason is None:
        raise click.UsageError("Say why with --reason; it stays on the log.")
    body: dict[str, Any] = {"reason": reason}
    body |= {"person": person} if person is not None else {"event_id": event_id}
    if instead is not None:
        body["event"] = _decoded(instead.read(), instead.name)
    with service.connect() as client:
        rehearsed = _rehearse(client, body)
        if dry_run:
            _print_rehearsal(service, rehearsed)
            return
        if not yes:
            _show(rehearsed)
            _confirm()
        answer = client.post(path_to("erasures"), body)
    if service.as_json:
        print_json(answer.raw)
    else:
        _print_done(answer.json)


def _rehearse(client: Client, body: Mapping[str, Any]) -> Any:
    return client.post(path_to("erasures"), body, params={"dry_run": "true"})


def _print_rehearsal(service: Service, rehearsed: Any) -> None:
    if service.as_json:
        print_json(rehearsed.raw)
    else:
        for line in _lines(rehearsed.json):
            print_line(line)
        print_line("Nothing was erased.")


def _show(rehearsed: Any) -> None:
    for line in _lines(rehearsed.json):
        advise(line)


def _confirm() -> None:
    """
    Ask whoever sits there.

    Raises:
        CommandRefused: nobody does.
        click.Abort: they would rather not.
    """
    if not sys.stdin.isatty():
        raise refused("Nobody is there to ask; --yes says that it is meant, --dry-run shows what.")
    click.confirm("This cannot be taken back. Erase it?", abort=True, err=True)


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    """What would be erased, in words."""
    people = [f"'{each['name']}' ({each['id']})" for each in told["people"]]
    if people:
        yield f"To be erased: {', '.join(people)}."
    yield f"{len(told['erased']):,} events lose what they say:"
    yield from _places(told["erased"])
    if told["restated"]:
        types = ", ".join(each["type"] for each in told["restated"])
        yield f"Said again first, so that nobody else loses anything: {types}."
    yield from _mentions(told["mentions"])


def _mentions(mentions: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
    if mentions:
        yield f"{len(mentions):,} events stay and mention the name; --event erases one:"
        yield from _places(mentions)


def _places(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in events[:SHOWN_MAX]:
        recorded = instant_in_words(each["recorded_at"])
        yield f"  {each['position']:>8,}  {each['event_id']}  {each['type']}, {recorded}"
    if len(events) > SHOWN_MAX:
        yield f"  and {len(events) - SHOWN_MAX:,} more"


def _print_done(told: Mapping[str, Any]) -> None:
    print_line(
        f"Erased what {len(told['erased']):,} events said; the erasure is event "
        f"{told['event']['event_id']} at position {told['event']['position']:,}."
    )
    for line in _mentions(told["mentions"]):
        print_line(line)


def _erase_again(
    service: Service, bodies: Sequence[Mapping[str, Any]], *, dry_run: bool, yes: bool
) -> None:
    """Apply erasures of a newer export, those that this log does not have."""
    done = []
    with service.connect() as client:
        missing = [each for each in bodies if not _is_known(client, each["again"]["event_id"])]
        if missing and not (dry_run or yes):
            advise(f"{len(missing):,} erasures of the export are not on this log.")
            _confirm()
        for body in missing:
            try:
                params = {"dry_run": "true"} if dry_run else None
                done.append(client.post(path_to("erasures"), body, params=params).json)
            except CommandRefused as refusal:
                # Of events that came after what was restored this log has nothing to erase.
                if not str(refusal.problem.get("type", "")).endswith(":nothing_left"):
                    raise
    if service.as_json:
        print_json(msgspec.json.encode({"items": done}))
        return
    events = sum(len(each["erased"]) for each in done)
    told = "would lose" if dry_run else "lost"
    print_line(
        f"Of {len(bodies):,} erasures in the export {len(done):,} were not on this log yet; "
        f"{events:,} events {told} what they say."
    )


def _is_known(client: Client, event_id: str) -> bool:
    try:
        client.get(path_to("events", event_id))
    except CommandRefused as refusal:
        if refusal.status != 404:
            raise
        return False
    return True


def _erasures(file: Path) -> Iterator[list[Mapping[str, Any]]]:
    """Each erasure in an export, after the events that were recorded along with it."""
    together: list[Mapping[str, Any]] = []
    with file.open("rb") as lines:
        header = _decoded(lines.readline(LINE_BYTES_MAX), file.name)
        if not isinstance(header, dict) or "log_id" not in header:
            raise refused(f"'{file}' is no export of a log; 'timeline export' writes one.")
        while line := lines.readline(LINE_BYTES_MAX):
            event = _decoded(line, file.name)
            if not isinstance(event, dict) or not event.keys() >= _FIELDS:
                raise refused(f"'{file}' is no export of a log: a line of it is no event.")
            if together and together[-1]["recorded_at"] != event["recorded_at"]:
                together = []
            together.append(event)
            if event["type"] == "erasure":
                yield together


def _bodies_again(erasures: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """
    What asks for each erasure again.

    What was said again for one can have been erased by a later one: with each goes all that was
    said again for it and later and is still there, so that nobody is without it in between.
    """
    bodies: list[dict[str, Any]] = []
    restated: list[dict[str, Any]] = []
    for *before, erasure in reversed(erasures):
        said = _payload(erasure)
        own = [
            {**_payload(each), "event_id": each["event_id"]} for each in before if each["payload"]
        ]
        restated = [*own, *restated]
        again = {"event_id": erasure["event_id"], "events": said["events"], "restated": restated}
        bodies.append({"again": again, "reason": said["reason"]})
    return bodies[::-1]


def _payload(event: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in event["payload"].items() if field != "@version"}


def _decoded(raw: bytes, name: object) -> Any:
    """
    Raises:
        CommandRefused: it is no JSON.
    """
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise refused(f"'{name}' holds what is no JSON: {exc}.") from exc
