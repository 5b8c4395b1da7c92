"""What Prometheus reads: what processes count, and what the database tells when it is read."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from service import __version__
from service.answers.vitals import Vitals
from service.recording.writer import Written

Source = Literal["kept", "memory", "database", "unchanged"]
"""Where an answer came from: a whole one that was kept, a remembered lab, the database; or nothing
but its tag was looked at."""
SOURCES: tuple[Source, ...] = ("kept", "memory", "database", "unchanged")
GROUP_COMMANDS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
GROUP_EVENTS = (1, 4, 16, 64, 256, 1_000, 4_000, 10_000)


class OwnFacts(Struct, frozen=True, kw_only=True):
    """What a process knows of itself."""

    queue_commands: int
    connections_used: int
    connections_idle: int
    subscribers: int
    """Who follows the log."""
    labs_bytes: int
    """Of remembered labs."""
    answers_bytes: int
    """Of kept answers."""


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
        self.refusals = Counter(
            "timeline_refusals", "Requests refused, by why.", ("code",), registry=self.registry
        )
        answers = Counter(
            "timeline_answers",
            "Answers to questions, by where they came from.",
            ("from",),
            registry=self.registry,
        )
        self._answers = {source: answers.labels(source) for source in SOURCES}
        self._answered = dict.fromkeys(SOURCES, 0)
        """Since this process was noted last: a kept answer takes a few times as long as to count."""
        self._events = Counter(
            "timeline_events_appended", "Events that the writer appended.", registry=self.registry
        )
        self._group_commands = Histogram(
            "timeline_group_commands",
            "Commands decided together.",
            registry=self.registry,
            buckets=GROUP_COMMANDS,
        )
        self._group_events = Histogram(
            "timeline_group_events",
            "Events committed together.",
            registry=self.registry,
            buckets=GROUP_EVENTS,
        )
        self._append_seconds = Histogram(
            "timeline_append_seconds",
            "Time from taking a group until it is durable.",
            registry=self.registry,
        )
        self._queue = Gauge(
            "timeline_queue_commands",
            "Commands that wait to be recorded.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._connections = Gauge(
            "timeline_pool_connections",
            "Connections of the service to its database.",
            ("state",),
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._subscribers = Gauge(
            "timeline_subscribers",
            "Clients that follow the log.",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._memory = Gauge(
            "timeline_memory_bytes",
            "What is kept in memory to answer from.",
            ("of",),
            registry=self.registry,
            multiprocess_mode="livesum",
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

    def count_answer(self, source: Source) -> None:
        """That a question was answered."""
        self._answered[source] += 1

    def count_refusal(self, code: str) -> None:
        """That a request was refused; codes are those of the table of problems."""
        self.refusals.labels(code).inc()

    def count_group(self, written: Written) -> None:
        """That the writer answered a group."""
        self._group_commands.observe(written.commands)
        self._append_seconds.observe(written.seconds)
        if written.events:
            self._events.inc(written.events)
            self._group_events.observe(written.events)

    def note(self, own: OwnFacts) -> None:
        """How this process is; the numbers of all that live are added up."""
        for source, number in self._answered.items():
            self._answers[source].inc(number)
            self._answered[source] = 0
        self._queue.set(own.queue_commands)
        self._connections.labels("used").set(own.connections_used)
        self._connections.labels("idle").set(own.connections_idle)
        self._subscribers.set(own.subscribers)
        self._memory.labels("labs").set(own.labs_bytes)
        self._memory.labels("answers").set(own.answers_bytes)

    def queued(self) -> int:
        """Commands that wait in all processes, as each noted last."""
        return int(self._registry().get_sample_value("timeline_queue_commands") or 0)

    def told(self, vitals: Vitals | None) -> bytes:
        """As it is read: of all processes, whichever is asked."""
        asked = CollectorRegistry()
        asked.register(_Asked(vitals))
        return generate_latest(self._registry()) + generate_latest(asked)

    def _registry(self) -> CollectorRegistry:
        if self._folder is None:
            return self.registry
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]  # as it comes
        return registry


class _Asked(Collector):
    """What the database told; what it did not tell is left out."""

    def __init__(self, vitals: Vitals | None) -> None:
        self._vitals = vitals

    def collect(self) -> Iterable[Metric]:
        is_ready = self._vitals is not None and self._vitals.is_ready
        yield _gauge("ready", "Whether questions can be answered.", is_ready)
        if self._vitals is not None:
            yield from _of_server(self._vitals)
            yield from _of_log(self._vitals)


def _of_server(vitals: Vitals) -> Iterator[Metric]:
    info = GaugeMetricFamily(
        "timeline_info", "What runs.", labels=("version", "revision", "postgres")
    )
    info.add_metric((__version__, vitals.revision or "", vitals.server.version), 1)
    yield info
    server = vitals.server
    yield _gauge(
        "longest_transaction_seconds",
        "For how long the longest transaction has been open.",
        server.longest_transaction_seconds,
    )
    yield _gauge("server_connections", "Connections to the server.", server.connections)
    yield _gauge("server_connections_max", "As many as it takes.", server.connections_max)
    yield _gauge("database_bytes", "What the database takes.", server.database_bytes)
    if vitals.disk is not None:
        yield _gauge("disk_free_bytes", "What is free beside it.", vitals.disk.free_bytes)


def _of_log(vitals: Vitals) -> Iterator[Metric]:
    log = vitals.log
    if log is None:
        return
    yield _gauge(
        "log_lock_wait_seconds", "How long an append has waited now.", log.lock_queue.seconds
    )
    yield _gauge(
        "read_models_due",
        "Whether they are to be replayed by today's code.",
        not log.state.is_current,
    )
    yield _gauge("replays_running", "Replays that run.", log.replay is not None)
    replay = GaugeMetricFamily(
        "timeline_replay_events", "Events of the replay that runs.", labels=("is",)
    )
    if log.replay is not None:
        replay.add_metric(("done",), log.replay.done)
        replay.add_metric(("total",), log.replay.total)
    yield replay
    if log.comparison is not None and log.comparison.drift_rows is not None:
        yield _gauge(
            "drift_rows",
            "Rows of the read models that the last comparison found to differ.",
            log.comparison.drift_rows,
        )
    yield _gauge(
        "similar_people_behind",
        "Positions whose people were not compared with others yet.",
        log.similar_people_behind,
    )


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"timeline_{name}", meaning, value=float(value))
