"""
The floor of every answer: a Litestar endpoint that does nothing and returns the same bytes.

Run as a program with a folder of bodies as its argument; the HTTP server is set as the service's.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from litestar import Litestar, Request, Response, get, post

POSTED = "posted"
JSON = "application/json"


def create_app(folder: Path) -> Litestar:
    """Endpoints that answer with the files of *folder*."""
    bodies: dict[str, bytes] = {}

    def body(name: str) -> bytes:
        if name not in bodies:
            bodies[name] = (folder / name).read_bytes()
        return bodies[name]

    @get("/bodies/{name:str}")
    async def answer(name: str) -> Response[bytes]:
        return Response(body(name), media_type=JSON)

    @get("/unchanged")
    async def unchanged() -> Response[bytes]:
        return Response(b"", status_code=304, headers={"ETag": '"same"'}, media_type=JSON)

    @post("/events")
    async def take(request: Request[Any, Any, Any]) -> Response[bytes]:
        await request.body()
        return Response(body(POSTED), status_code=201, media_type=JSON)

    return Litestar([answer, unchanged, take], openapi_config=None, logging_config=None)


class _Server(uvicorn.Server):
    def _log_started_message(self, listeners: object) -> None:
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        sys.stdout.write(f"Listening on http://{host}:{port}\n")
        sys.stdout.flush()


def main() -> None:
    """Serve until told to stop."""
    config = uvicorn.Config(
        create_app(Path(sys.argv[1])),
        host="127.0.0.1",
        port=0,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_Server(config).serve())


if __name__ == "__main__":
    main()
