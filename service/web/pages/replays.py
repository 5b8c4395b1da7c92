"""Replays: how those that ran came out, how the one that runs gets on, and a form to start one."""

from uuid import UUID

from litestar import Response

from service.domain.refusals import BadParameter, NotFound, shown
from service.domain.submissions import uuid_or_none
from service.formats.tables.replays import drift_table, replays_table
from service.postgres.pool import Connection
from service.read_models.replay import fetch_state
from service.read_models.replays import Replay, fetch_replay, fetch_replays
from service.web.page import Page
from service.web.responses import redirect
from service.web.tables import offers, send_table, wanted_table
from service.web.visits import Visit
from service.web.wording import lasting

PATH = "/replays"
DO = "do"
_REFRESH_SECONDS = 2
"""Between two looks at one that runs: pages refresh themselves without script."""
_WORK = ("check", "switch", "force")


async def list_replays(visit: Visit) -> Response[bytes]:
    table = wanted_table(visit, ["replays"])
    async with visit.site.pool.acquire() as connection:
        every = await fetch_replays(connection)
    if table is not None:
        return await send_table(visit, replays_table(every), None)
    # How replays stand is not said by events.
    visit.is_live = False
    running = next((one for one in every if one.state == "running"), None)
    return visit.show(
        "replays.html",
        replays=every,
        lasting=lasting,
        running=running,
        headers=_refreshed(running),
        is_kept=running is None,
        may_start=_is_admin(visit),
        files=offers(visit, {"replays": "/v1/replays"}),
    )


async def show_replay(visit: Visit) -> Response[bytes]:
    table = wanted_table(visit, ["drift"])
    async with visit.site.pool.acquire() as connection:
        found = await _find(connection, visit)
        state = await fetch_state(connection)
    if table is not None:
        return await send_table(visit, drift_table(found.drift), None, str(found.id))
    visit.is_live = False
    return visit.show(
        "replay.html",
        replay=found,
        lasting=lasting,
        headers=_refreshed(found if found.state == "running" else None),
        is_kept=found.state != "running",
        is_in_use=state.replay_id == found.id,
        may_roll_back=_is_admin(visit) and state.replay_id == found.id,
        files=offers(visit, {"drift": f"/v1/replays/{found.id}"}),
    )


async def start_replay(visit: Visit) -> Response[bytes]:
    """A replay begins, and its page is shown."""
    work = visit.form.get(DO, "")
    if work not in _WORK:
        raise BadParameter(DO, f"{shown(work)} is none of: {', '.join(_WORK)}.")
    started = await visit.site.replays.replay(is_check=work == "check", is_forced=work == "force")
    return redirect(address_of_replay(started.id))


async def take_back(visit: Visit) -> Response[bytes]:
    """A rollback begins, and its page is shown."""
    async with visit.site.pool.acquire() as connection:
        target = await _find(connection, visit)
    started = await visit.site.replays.roll_back(target.id)
    return redirect(address_of_replay(started.id))


def address_of_replay(replay_id: UUID) -> str:
    """Where a replay is looked at."""
    return f"{PATH}/{replay_id}"


async def _find(connection: Connection, visit: Visit) -> Replay:
    """
    The replay that the path names.

    Raises:
        NotFound: there is none.
    """
    text = visit.path["replay_id"]
    replay_id = uuid_or_none(text)
    found = None if replay_id is None else await fetch_replay(connection, replay_id)
    if found is None:
        raise NotFound(f"There is no replay {shown(text)}; the page of replays lists them.")
    return found


def _refreshed(running: Replay | None) -> dict[str, str]:
    return {} if running is None else {"Refresh": str(_REFRESH_SECONDS)}


def _is_admin(visit: Visit) -> bool:
    return visit.principal is not None and visit.principal.may("admin")


PAGES = (
    Page(name="replays", path=PATH, answer=list_replays),
    Page(name="replay", path=f"{PATH}/{{replay_id:str}}", answer=show_replay),
    Page(name="start_replay", path=PATH, method="POST", answer=start_replay, role="admin"),
    Page(
        name="roll_back",
        path=f"{PATH}/{{replay_id:str}}/rollback",
        method="POST",
        answer=take_back,
        role="admin",
    ),
)
