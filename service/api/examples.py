"""What the documentation shows: an answer of each operation, and a refusal of each kind."""

from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from uuid import UUID

import msgspec

from service.api.memento import BadAcceptDatetime
from service.api.params import UnknownNameInQuery
from service.domain import refusals as r
from service.domain.directory import NamelessEntity
from service.domain.erasure import NotErasable, NothingLeft
from service.domain.questions import EXAMPLES
from service.domain.versions import LaterVersion
from service.log.keys import KeyNameTaken
from service.read_models.replay import NothingToRollBack
from service.read_models.replays import Replay, ReplayNotPermitted, ReplayRunning

_ID = UUID("0b0e9d5e-7c1c-5b8e-9b1e-3c1f4e0f6a10")
_NEAR = (r.Candidate("google-deepmind", "Google DeepMind"),)
_SINCE = [r.Since(_ID, 712, "hire", datetime(2026, 6, 20, 9, 30, tzinfo=UTC), "editor")]
_WANGS = (r.Candidate("wei-wang", "Wei Wang"), r.Candidate("wei-wang-2", "Wei Wang"))

ANSWERS: dict[str, Any] = msgspec.json.decode(
    files("service.api").joinpath("examples.json").read_bytes()
)
"""By operation."""

_REPLAY = msgspec.convert(ANSWERS["startReplay"], Replay)

REFUSALS: dict[type[r.Refusal], r.Refusal] = {
    type(refusal): refusal
    for refusal in (
        r.Malformed("The body is no JSON: Input data was truncated."),
        BadAcceptDatetime("last Tuesday"),
        r.Unauthenticated(
            "The key is not known, has expired or was revoked; ask an admin for one."
        ),
        r.Forbidden("The key 'editor' has the role 'writer'; this needs 'admin'."),
        r.ForeignForm("The form was sent from 'https://example.net', which is not this service."),
        r.UnknownHost("example.net"),
        r.UnknownName("lab", "Deepmnd", _NEAR),
        UnknownNameInQuery("lab", r.UnknownName("lab", "Deepmnd", _NEAR)),
        r.UnknownEvent(_ID),
        r.NotFound("No key in use is called 'editor'; GET /v1/keys lists them."),
        r.AmbiguousName("person", "Wei Wang", _WANGS),
        r.EventIdTaken(_ID, 712),
        r.IdempotencyKeyTaken("import-2024-06-01"),
        r.AlreadyErased(f"Event '{_ID}'"),
        NotErasable(_ID),
        NothingLeft(),
        KeyNameTaken("editor"),
        ReplayRunning(_REPLAY),
        ReplayNotPermitted("timeline", "timeline_service"),
        NothingToRollBack(_ID, "the read models before it are no longer kept"),
        r.HistoryMoved("person 'john-jumper'", 711, _SINCE),
        r.BeyondHead(9000, 712),
        r.TooLarge("The body is too large; the limit is 16 MiB. Send it in parts."),
        r.UnsupportedContent("The content type 'text/csv' is not taken; send 'application/json'."),
        r.Invalid([r.BadDate("2024-02-30", "February 2024 has 29 days").at("/date")]),
        r.NothingRecorded(
            1, [r.LineFault(1, "/date", "'soon' is no date.", "bad_date")], {"bad_date": 1}
        ),
        r.StreamBroken("The body stopped coming for 30 s; send it again.", 3000, 0, 2),
        r.BadDate("2024-02-30", "February 2024 has 29 days"),
        r.BadParameter("limit", "'5000' is no limit; give a number from 1 to 1000."),
        r.NotUnderstood("'Deepmnd' is nobody's name.", EXAMPLES, _NEAR),
        r.NotCorrectable(_ID, "correction", UUID(int=_ID.int + 1)),
        r.ClosesCycle(["google-brain", "google-deepmind"]),
        r.SelfMerger("google-brain"),
        r.SelfDifference("wei-wang"),
        NamelessEntity("person"),
        r.TooManyRequests(3),
        r.TooManyAttempts(3),
        r.QueueFull(2000, 1),
        r.TooManySubscribers(500),
        r.NotReady("The database is not reached just now; try again in a moment."),
        LaterVersion(2, 1),
    )
}
