"""HEAD over a real connection: what follows on it is the next answer."""

import httpx
import pytest

from service.api.operations import Machinery
from tests.integration.api.asking import SEED, record
from tests.support.answering import answering
from tests.support.postgres import http_client

ASKED = [
    "/",
    "/healthz",
    "/v1/labs/engines",
    "/v1/log",
    "/v1/log/export",
    "/v1/log/stream",
    "/v1/labs/nowhere",
    "/v1/keys",
    "/nothing",
]


@pytest.mark.parametrize("path", ASKED)
async def test_connection_goes_on_after_head(path: str, made: Machinery) -> None:
    """Neither a byte of a body nor an end of the connection, which only a real server shows."""
    async with http_client(made, "admin") as inside:
        await record(inside, *SEED)
    limits = httpx.Limits(max_connections=1)
    async with (
        answering(made) as (host, port),
        httpx.AsyncClient(base_url=f"http://{host}:{port}", limits=limits) as client,
    ):
        ports = set()
        for _ in range(3):
            response = await client.head(path)
            assert response.content == b""
            assert response.status_code in (200, 401, 404)
            ports.add(response.extensions["network_stream"].get_extra_info("client_addr"))
            assert (await client.get("/healthz")).json() == {"state": "alive"}
        assert len(ports) == 1, "one connection has them all"
