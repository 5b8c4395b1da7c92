"""
The service: its addresses taken, its database up, then answered by this process or by several.

What answers is heavy to import and is imported while Postgres starts; the process that only
watches over workers never does.
"""

import asyncio
import importlib
import sys
import threading

from service.database import bring_up_to_date, database, say
from service.listening import bound, closed_at_end, open_more_files
from service.observability import configure_logs
from service.settings import Settings


def serve(settings: Settings, empty: bool = False) -> int:
    """
    Serve until SIGINT or SIGTERM; the exit code.

    Migrates, loads the history that comes along into an empty log unless *empty*, and prints
    the address and a first question.

    Raises:
        CannotListen: the address is taken, or is none of this machine.
    """
    configure_logs(for_people=sys.stderr.isatty())
    open_more_files()
    is_alone = settings.workers == 1
    with closed_at_end(bound(settings.host, settings.port)) as sockets:
        if is_alone:
            threading.Thread(target=_import_ahead, args=[settings]).start()
        with database(settings, say=say) as (dsn, ensure_running):
            bring_up_to_date(settings, dsn)
            if is_alone:
                from service.answering import answer_alone  # noqa: PLC0415 (see above)

                return answer_alone(settings, dsn, sockets, ensure_running, empty=empty)
            from service.supervising import supervise  # noqa: PLC0415 (see above)

            return asyncio.run(supervise(settings, dsn, sockets, ensure_running, empty=empty))


def _import_ahead(settings: Settings) -> None:
    """Have what answers at hand when Postgres is up, and what migrates if it is made anew."""
    if settings.database_url is None and not (settings.data_dir / "postgres").exists():
        importlib.import_module("alembic.command")
        importlib.import_module("sqlalchemy.ext.asyncio")
    importlib.import_module("service.answering")
