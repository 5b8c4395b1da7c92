"""How `record`, `correct` and `retract` tell what was recorded."""

from typing import Any

from service.cli.client import Answer
from service.cli.options import Service
from service.cli.terminal import print_json, print_line
from service.cli.words import finding_sentence, sentence


def print_recorded(service: Service, answer: Answer) -> None:
    """The event that *answer* confirms: its position, what it says, what it raised."""
    if service.as_json:
        print_json(answer.raw)
        return
    event: dict[str, Any] = answer.json
    done = "Recorded before, at" if answer.replayed else "Recorded at"
    print_line(f"{done} position {event['position']}: {sentence(event)}.")
    print_line(f"Event {event['event_id']}")
    for finding in event.get("findings") or ():
        print_line(f"Noticed {finding_sentence(finding)}")
