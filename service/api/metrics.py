"""What Prometheus reads."""

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector


class Metrics:
    """
    What Prometheus reads.

    Shapes: *folder* is where several processes count for one service; None of one alone.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "timeline_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "timeline_request_seconds",
            "Time to answer.",
            ("method", "route"),
            registry=self.registry,
        )
        self.position = Gauge(
            "timeline_head_position",
            "The greatest position seen.",
            registry=self.registry,
            multiprocess_mode="max",
        )
        self._of: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        """Their children: looking them up by labels costs more than counting."""

    def count(self, method: str, route_name: str, status: int, seconds: float) -> None:
        """That a request was answered."""
        key = (method, route_name, status)
        if key not in self._of:
            self._of[key] = (
                self.requests.labels(*key),
                self.seconds.labels(method, route_name),
            )
        requests, histogram = self._of[key]
        requests.inc()
        histogram.observe(seconds)

    def told(self) -> bytes:
        """As it is read: of all processes, whichever is asked."""
        registry = self.registry
        if self._folder is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]  # as it comes
        return generate_latest(registry)
