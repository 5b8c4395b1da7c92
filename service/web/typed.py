"""
What was typed into a form that could not be taken, since its session is over or is another.

The page that says so holds it, and hands it on: nobody types anything twice for having been slow.
"""

from collections.abc import Iterable, Mapping, Sequence

from service.web.sessions import FORM_TOKEN, local_address
from service.web.visits import Visit

SENT_TO = "sent_to"
_TYPED = "typed."
_OF_THE_FORM = ("form_id", "seen", "act", "do", "more")
"""What no person typed."""


class Typed:
    """The fields of a form, and where it was to be sent."""

    def __init__(self, sent_to: str, fields: Mapping[str, str]) -> None:
        self.sent_to = sent_to
        self.fields = fields

    @property
    def shown(self) -> Sequence[tuple[str, str]]:
        """What a person typed, to be looked at."""
        return [(k, v) for k, v in self.fields.items() if v.strip() and k not in _OF_THE_FORM]

    @property
    def handed_on(self) -> Iterable[tuple[str, str]]:
        """As a form of another page holds it."""
        return [(SENT_TO, self.sent_to), *((_TYPED + k, v) for k, v in self.fields.items())]


def typed_of(visit: Visit) -> Typed | None:
    """What was sent just now; None where it is nothing but a click."""
    fields = {name: text for name, text in visit.form.items() if name != FORM_TOKEN}
    typed = Typed(visit.address.partition("?")[0], fields)
    return typed if typed.shown else None


def handed_on(visit: Visit) -> Typed | None:
    """What a form of another page holds; None where it holds nothing."""
    if SENT_TO not in visit.form:
        return None
    return Typed(
        local_address(visit.form[SENT_TO]),
        {k.removeprefix(_TYPED): v for k, v in visit.form.items() if k.startswith(_TYPED)},
    )
