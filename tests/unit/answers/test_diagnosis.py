"""Judging facts: what is well, what is to be looked at, what is wrong."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from service.answers import diagnosis as d
from service.answers.vitals import Disk, LogVitals
from service.log.append import Head
from service.log.diagnosis import Extent, LockQueue
from service.log.schema import HEAD_REVISION
from service.log.verify import LogProblem, Verified
from service.postgres.diagnosis import Archiving, Extension, Index, LongTransaction, Server, Table
from service.read_models.diagnosis import Comparison, RunningProgress
from service.read_models.replay import CODE_VERSION, ReadModelState
from tests.support.postgres import utc

NOW = utc(2026, 11, 22, 9, 0)
SERVER = Server(
    version="18.6",
    major=18,
    is_read_only=False,
    instant=NOW,
    database_bytes=3 * 2**30,
    connections=5,
    connections_max=100,
    longest_transaction_seconds=0.0,
)
LOG = LogVitals(
    head=Head(d.BEHIND_MAX + 20, b"", NOW),  # type: ignore[arg-type]  # a position
    lock_queue=LockQueue(None, 0, 0.0),
    state=ReadModelState(CODE_VERSION, 0),
    replay=None,
    comparison=None,
    similar_people_checkpoint=20,
)
TABLE = Table("public.events", 1_000_000, 3, 500, is_analyzed=True)
INDEX = Index("public.events_by_type", is_valid=True, reads=3, bytes=2**30)
ARCHIVING = Archiving(
    is_on=True, archived=7, last_file="F7", last_at=NOW, failed=2, failed_file="F1",
    failed_at=NOW - timedelta(seconds=60),
)  # fmt: skip
FAILING = replace(ARCHIVING, failed=9, failed_file="F8", failed_at=NOW + timedelta(seconds=1))
TRGM = Extension("pg_trgm", "1.6", "1.6")


def verified(*problems: LogProblem, events: int = 10) -> Verified:
    return Verified(events, Head(10), problems)  # type: ignore[arg-type]  # a position


WELL = {
    "long_transactions": d.judge_long_transactions([]),
    "log_lock": d.judge_log_lock(LockQueue(17, 3, 4.9)),
    "queue": d.judge_queue(999, 2_000),
    "gaps": d.judge_gaps(Extent(10, 10, None)),
    "lag": d.judge_lag(LOG),
    "drift": d.judge_drift(Comparison(NOW, 0)),
    "chain": d.judge_chain(verified()),
    "clock": d.judge_clock(NOW, NOW, NOW),
    "indexes": d.judge_indexes([TABLE], [INDEX]),
    "connections": d.judge_connections(SERVER),
    "disk": d.judge_disk(Disk(2**40, 2**41), 2**30),
    "archive": d.judge_archive(ARCHIVING, is_to_archive=True),
    "versions": d.judge_versions(SERVER, HEAD_REVISION, [TRGM]),
}
LATER = NOW + timedelta(seconds=3_600)
ILL = [
    ("warning", d.judge_long_transactions([LongTransaction(17, "ada", "psql", "idle", 312.0)])),
    ("warning", d.judge_long_transactions([LongTransaction(17, "ada", "", None, 61.0)] * 9)),
    ("warning", d.judge_log_lock(LockQueue(17, 3, 5.0))),
    ("bad", d.judge_log_lock(LockQueue(17, 3, 31.0))),
    ("warning", d.judge_queue(1_000, 2_000)),
    ("bad", d.judge_queue(2_000, 2_000)),
    ("bad", d.judge_gaps(Extent(9, 10, 4))),
    ("warning", d.judge_lag(replace(LOG, similar_people_checkpoint=0))),
    ("warning", d.judge_lag(replace(LOG, state=ReadModelState(CODE_VERSION - 1, 0)))),
    ("warning", d.judge_lag(replace(LOG, state=ReadModelState(CODE_VERSION, 0, is_due=True)))),
    ("bad", d.judge_lag(replace(LOG, state=ReadModelState(0, 0), replay=RunningProgress(3, 9)))),
    ("bad", d.judge_drift(Comparison(NOW, 3))),
    ("warning", d.judge_drift(None, "A replay is running already.")),
    ("bad", d.judge_chain(verified(LogProblem(7, "Its payload is not as recorded.")))),
    ("warning", d.judge_clock(NOW, NOW, LATER)),
    ("warning", d.judge_clock(NOW, LATER, NOW)),
    ("bad", d.judge_indexes([TABLE], [INDEX, Index("public.i", is_valid=False, reads=0, bytes=0)])),
    ("warning", d.judge_indexes([Table("public.t", 10_001, 0, 0, is_analyzed=False)], [])),
    ("warning", d.judge_indexes([Table("public.t", 10_001, 101, 100, is_analyzed=True)], [])),
    ("warning", d.judge_connections(replace(SERVER, connections=91))),
    ("warning", d.judge_disk(Disk(2**30, 2**40), 2**30)),
    ("bad", d.judge_disk(Disk(2**20, 2**40), 2**30)),
    ("bad", d.judge_archive(FAILING, is_to_archive=True)),
    ("bad", d.judge_archive(replace(FAILING, last_at=None), is_to_archive=False)),
    ("warning", d.judge_archive(replace(ARCHIVING, is_on=False), is_to_archive=True)),
    ("bad", d.judge_versions(SERVER, None, [TRGM])),
    ("bad", d.judge_versions(SERVER, "9999", [TRGM])),
    ("bad", d.judge_versions(replace(SERVER, version="14.11", major=14), HEAD_REVISION, [TRGM])),
    ("bad", d.judge_versions(replace(SERVER, is_read_only=True), HEAD_REVISION, [TRGM])),
    ("warning", d.judge_versions(SERVER, HEAD_REVISION, [Extension("pg_trgm", "1.5", "1.6")])),
]


@pytest.mark.parametrize("name", WELL)
def test_what_is_well_asks_for_nothing(name: str) -> None:
    fact = WELL[name]
    assert (fact.name, fact.state, fact.advice) == (name, "ok", None)
    assert fact.told.endswith(".")


def test_every_fact_has_a_judge() -> None:
    assert tuple(WELL) == tuple(sorted(WELL, key=d.NAMES.index)) == d.NAMES


@pytest.mark.parametrize(
    ("state", "fact"), ILL, ids=[f"{fact.name} {state}" for state, fact in ILL]
)
def test_what_is_wrong_says_what_to_do(state: str, fact: d.Fact) -> None:
    assert fact.state == state
    assert fact.told.endswith(".")
    assert fact.advice
    assert fact.advice.endswith(".")


def test_every_fact_can_be_ill() -> None:
    assert {fact.name for _, fact in ILL} == set(d.NAMES)


def test_what_is_told_names_who_and_how_much() -> None:
    told = {(fact.name, state): f"{fact.told} {fact.advice}" for state, fact in reversed(ILL)}
    assert "process 17" in told["log_lock", "bad"]
    assert "pg_terminate_backend(17)" in told["long_transactions", "warning"]
    assert "psql of ada, idle" in told["long_transactions", "warning"]
    assert "position 4 is the first" in told["gaps", "bad"]
    assert "3 of 9 events" in told["lag", "bad"]
    assert "3,600 s" in told["clock", "warning"]
    assert "1.0 MiB of 1.0 TiB" in told["disk", "bad"]
    assert "REINDEX INDEX CONCURRENTLY public.i" in told["indexes", "bad"]
    assert "file F8 failed" in told["archive", "bad"]
    assert "ALTER EXTENSION pg_trgm UPDATE" in told["versions", "warning"]


def test_unused_indexes_are_told_without_advice() -> None:
    """What they are for may be asked next year."""
    fact = d.judge_indexes([TABLE], [replace(INDEX, reads=0)])
    assert (fact.state, fact.advice) == ("ok", None)
    assert "public.events_by_type" in fact.told


def test_log_that_nobody_wants_archived_is_well() -> None:
    unset = replace(ARCHIVING, is_on=False, last_at=None, last_file=None)
    assert d.judge_archive(unset, is_to_archive=False).state == "ok"
    assert "not archived" in d.judge_archive(unset, is_to_archive=False).told
    fresh = replace(unset, is_on=True, failed_at=None)
    assert d.judge_archive(fresh, is_to_archive=True).told.endswith("is archived.")


def test_edition_that_is_tried_out_is_a_version() -> None:
    trial = replace(SERVER, version="19beta1", major=19)
    assert d.judge_versions(trial, HEAD_REVISION, [TRGM]).state == "ok"


def test_rows_are_not_judged_after_a_rollback() -> None:
    assert "not compared" in d.judge_drift(Comparison(NOW, None)).told
    assert "not compared" in d.judge_drift(None).told


def test_only_the_whole_log_is_called_all() -> None:
    assert "All 10" in d.judge_chain(verified()).told
    assert "The last 4" in d.judge_chain(verified(events=4)).told
