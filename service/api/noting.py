"""What the line of a request in the log says beside what that of every request does."""

from collections.abc import Mapping, MutableMapping
from typing import Any, cast

_NOTED = "noted"
_NOTHING: Mapping[str, Any] = {}


def note(scope: Mapping[str, Any], **facts: Any) -> None:
    """Let the line of this request say *facts* too."""
    cast("MutableMapping[str, Any]", scope).setdefault(_NOTED, {}).update(facts)


def noted(scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """What was noted of a request."""
    found: Mapping[str, Any] = scope.get(_NOTED, _NOTHING)
    return found
