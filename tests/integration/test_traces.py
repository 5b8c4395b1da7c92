"""Spans: what a collector is told, and that a service does not wait for one."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.api.operations import Machinery
from service.api.tracing import Tracer
from service.recording.writer import Written
from service.settings import BadSetting, Settings
from tests.support.server import served

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CLOSED_SECONDS = 10


async def test_request_is_a_span_of_the_trace_that_it_names(
    client: httpx.AsyncClient, made: Machinery
) -> None:
    exporter = InMemorySpanExporter()
    made.tracer = Tracer(exporter)
    await client.get("/v1/labs", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    await client.get("/v1/labs/nobody", headers={"traceparent": "nonsense"})
    made.tracer.tell_group(Written(3, 5, 0.5))
    made.tracer.close()
    asked, other, group = exporter.get_finished_spans()
    assert [span.name for span in (asked, other, group)] == ["GET listLabs", "GET getLab", "group"]
    assert asked.context is not None
    assert f"{asked.context.trace_id:032x}" == TRACE
    assert other.parent is None
    assert other.attributes is not None
    assert other.attributes["http.response.status_code"] == 404
    assert group.attributes == {"timeline.commands": 3, "timeline.events": 5}
    assert group.start_time is not None
    assert group.end_time is not None
    assert group.end_time - group.start_time == 500_000_000


class _Collector(BaseHTTPRequestHandler):
    told: list[bytes]

    def do_POST(self) -> None:
        self.told.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Its address, and what it was told so far."""
    told: list[bytes] = []
    server = HTTPServer(("127.0.0.1", 0), type("_Told", (_Collector,), {"told": told}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def serve_and_stop(database: str, tmp_path: Path, endpoint: str) -> float:
    """A service that answers once; the seconds that it takes to end."""
    environment = {
        "DATABASE_URL": database,
        "TIMELINE_TRACES": "otlp",
        "TIMELINE_API_KEY": "k",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }
    with served(tmp_path, "--empty", environment=environment) as service:
        profile = {"type": "profile", "lab": {"name": "X"}}
        key = {"Authorization": "Bearer k"}
        written = httpx.post(f"{service.url}/v1/events", json=profile, headers=key)
        assert written.status_code == 201
        began = time.monotonic()
        assert service.stop() == 0
        return time.monotonic() - began


def test_collector_is_told_by_the_end(database: str, tmp_path: Path) -> None:
    with collector() as (endpoint, told):
        serve_and_stop(database, tmp_path, endpoint)
    spans = b"".join(told)
    for word in (b"POST recordEvents", b"group", b"lab-timeline"):
        assert word in spans


def test_nobody_waits_for_a_collector_that_is_away(database: str, tmp_path: Path) -> None:
    assert serve_and_stop(database, tmp_path, "http://127.0.0.1:9") < CLOSED_SECONDS


def test_other_traces_mean_nothing() -> None:
    assert not Settings.from_environment({}).has_traces
    assert Settings.from_environment({"TIMELINE_TRACES": "otlp"}).has_traces
    with pytest.raises(BadSetting, match="'zipkin'; it takes none or otlp"):
        Settings.from_environment({"TIMELINE_TRACES": "zipkin"})


def test_missing_packages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(BadSetting, match=r"install 'lab-timeline\[traces\]'\.$"):
        Tracer()
