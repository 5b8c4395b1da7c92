"""What a client says of an event that was recorded, as one submission or as all its faults."""

from uuid import UUID

from service.domain.events import Correction, Hire, Retraction
from service.recording.submitting import correction_of, retraction_of

TARGET = UUID("00000000-0000-4000-8000-000000000001")
OWN = UUID("00000000-0000-4000-8000-000000000002")
HIRE = {"type": "hire", "person": "ada", "lab": "x", "date": "2020"}


def test_correction_is_a_payload_and_a_reason() -> None:
    said = {**HIRE, "reason": "misread"}
    submission, faults = correction_of(TARGET, said, own_id=OWN, body_digest=b"d")
    assert faults == []
    assert submission is not None
    assert submission.payload == Correction(
        target=TARGET, reason="misread", event=Hire(person="ada", lab="x", date="2020")
    )
    assert (submission.event_id, submission.body_digest) == (OWN, b"d")
    assert said["reason"] == "misread", "what was said is left as it is"


def test_every_fault_of_a_correction_is_told() -> None:
    submission, faults = correction_of(TARGET, {**HIRE, "date": "x", "y": 1}, body_digest=b"d")
    assert submission is None
    assert {fault.pointer for fault in faults} == {"/reason", "/y", "/date"}
    log_event = {"type": "retraction", "target": str(TARGET), "reason": "no"}
    assert [f.pointer for f in correction_of(TARGET, log_event, body_digest=b"")[1]] == ["/type"]


def test_retraction_is_a_reason_alone() -> None:
    submission, faults = retraction_of(TARGET, {"reason": "no"}, body_digest=b"d")
    assert faults == []
    assert submission is not None
    assert submission.payload == Retraction(target=TARGET, reason="no")
    assert [f.pointer for f in retraction_of(TARGET, HIRE, body_digest=b"d")[1]] == [
        "/reason",
        "/type",
        "/person",
        "/lab",
        "/date",
    ]
