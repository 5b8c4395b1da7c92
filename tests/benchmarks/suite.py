"""All that is measured, in the order in which it is."""

from tests.benchmarks import appends, growth, loads, pages, replays, starts, states
from tests.benchmarks.stage import Planned

PLANNED: tuple[Planned, ...] = (
    *appends.PLANNED,
    *states.PLANNED,
    *pages.PLANNED,
    *growth.PLANNED,
    *replays.PLANNED,
    *loads.PLANNED,
    *starts.PLANNED,
)


def chosen(parts: tuple[str, ...]) -> list[Planned]:
    """The measures whose names have one of *parts* in them; all of them without any."""
    return [one for one in PLANNED if not parts or any(part in one.name for part in parts)]
