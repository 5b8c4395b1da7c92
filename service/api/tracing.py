"""
Spans for OpenTelemetry, where a setting asks for them; else nothing of it is even imported.

A span is made when what it tells of is over: on its way a request pays nothing for it.
"""

import os
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from service import __version__
from service.recording.writer import Written
from service.settings import BadSetting

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

CLOSE_SECONDS = 1.0
"""So long the end of a process waits for a collector."""


class Tracer:
    """Tells a collector of requests and groups."""

    def __init__(self, exporter: "SpanExporter | None" = None) -> None:
        """
        Where to, and all else, is set by the variables of OpenTelemetry itself, OTEL_….

        Raises:
            BadSetting: its packages are not there.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http import (  # noqa: PLC0415
                trace_exporter,
            )
            from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
            from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
            from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
            from opentelemetry.trace import SpanKind, StatusCode  # noqa: PLC0415
            from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415
        except ImportError as exc:
            raise BadSetting(
                "TIMELINE_TRACES is set and OpenTelemetry is not there; install 'lab-timeline"
                "[traces]'."
            ) from exc
        name = os.environ.get("OTEL_SERVICE_NAME") or "lab-timeline"
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": name, "service.version": __version__}),
            # Whoever made it closes it; at the exit of the process it could wait for long.
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter or trace_exporter.OTLPSpanExporter())
        )
        self._tracer = self._provider.get_tracer("lab-timeline", __version__)
        self._context = tracecontext.TraceContextTextMapPropagator()
        self._server, self._error = SpanKind.SERVER, StatusCode.ERROR

    def tell_request(
        self,
        headers: Iterable[tuple[bytes, bytes]],
        seconds: float,
        attributes: dict[str, Any],
    ) -> None:
        """A request that was answered just now; it may say of which trace it is a part."""
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in headers
            if name in (b"traceparent", b"tracestate")
        }
        ended = time.time_ns()
        span = self._tracer.start_span(
            f"{attributes['http.request.method']} {attributes['http.route']}",
            context=self._context.extract(carrier),
            kind=self._server,
            attributes=attributes,
            start_time=ended - int(seconds * 1e9),
        )
        if attributes["http.response.status_code"] >= 500:
            span.set_status(self._error)
        span.end(ended)

    def tell_group(self, written: Written) -> None:
        """A group that the writer answered just now; it is part of no request, but of several."""
        ended = time.time_ns()
        self._tracer.start_span(
            "group",
            attributes={
                "timeline.commands": written.commands,
                "timeline.events": written.events,
            },
            start_time=ended - int(written.seconds * 1e9),
        ).end(ended)

    def close(self) -> None:
        """Hand over what was told of, as far as a collector takes it soon."""
        # The library waits for a collector that is away for longer than a process may take to end.
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
