"""What the environment sets; only `app` and `cli` read it."""

import re
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
import platformdirs

READ_KEYS = ("open", "required")
TRACES = ("none", "otlp")
REPLAY_PROCESSES_MAX = 16
OFF = "off"
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_RATE = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour)")
_HOST = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]")
_ORIGIN = re.compile(r"\*|[a-z][a-z0-9+.-]*://[^\s/?#@,]+")
WORKERS_MAX = 8
"""More would not record faster, and each has connections of its own."""


class BadSetting(ValueError):
    """A setting whose value means nothing."""


class Rate(NamedTuple):
    """So many in so many seconds."""

    number: int
    seconds: int


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How one process runs."""

    database_url: str | None = None
    """Any Postgres from 15 on; None means the embedded one in `data_dir`."""
    owner_url: str | None = None
    """Who migrates, if not the one of `database_url`."""
    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    """Processes that answer."""
    api_key: str | None = None
    """An admin key from outside, for tests and containers."""
    read_keys_required: bool = False
    replay_processes: int = 1
    """So many fold for a replay of a long log."""
    hosts: tuple[str, ...] = ()
    """The names by which the service may be asked; any, if there is none."""
    cors_origins: tuple[str, ...] = ()
    """Whose pages may read answers."""
    rate_limit: Rate | None = None
    """Requests of a key, or of an address without one, to each process."""
    key_attempts: Rate | None = Rate(100, 60)
    """Keys that are not known, from an address."""
    proxies: tuple[str, ...] = ()
    """Whose word is taken for where a request comes from: addresses and networks."""
    wal_archive: Path | None = None
    """Where the embedded server archives its write-ahead log; None is nowhere."""
    has_traces: bool = False
    """Whether a collector is told of requests and groups; where it is, OTEL_ variables say."""

    def __repr__(self) -> str:
        return f"Settings(data_dir={str(self.data_dir)!r}, host={self.host!r}, port={self.port})"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], **overrides: Any) -> Self:
        """
        The settings of *environ*; *overrides* that are not None win.

        Raises:
            BadSetting: a value that means nothing, with the ones that do.
        """
        read_keys = environ.get("TIMELINE_READ_KEYS") or "open"
        if read_keys not in READ_KEYS:
            raise BadSetting(
                f"TIMELINE_READ_KEYS is '{read_keys}'; it takes {' or '.join(READ_KEYS)}."
            )
        traces = environ.get("TIMELINE_TRACES") or "none"
        if traces not in TRACES:
            raise BadSetting(f"TIMELINE_TRACES is '{traces}'; it takes {' or '.join(TRACES)}.")
        values: dict[str, Any] = {
            "database_url": environ.get("DATABASE_URL") or None,
            "owner_url": environ.get("TIMELINE_OWNER_URL") or None,
            "data_dir": Path(environ.get("TIMELINE_DATA_DIR") or default_data_dir()),
            "host": environ.get("TIMELINE_HOST") or "127.0.0.1",
            "port": _number("TIMELINE_PORT", environ.get("TIMELINE_PORT") or "8000", 0, 65535),
            "workers": _number(
                "TIMELINE_WORKERS", environ.get("TIMELINE_WORKERS") or "1", 1, WORKERS_MAX
            ),
            "api_key": environ.get("TIMELINE_API_KEY") or None,
            "read_keys_required": read_keys == "required",
            "replay_processes": _processes(environ.get("TIMELINE_REPLAY_PROCESSES") or "1"),
            "hosts": _listed("TIMELINE_HOSTS", environ.get("TIMELINE_HOSTS"), _HOST),
            "cors_origins": _listed(
                "TIMELINE_CORS_ORIGINS", environ.get("TIMELINE_CORS_ORIGINS"), _ORIGIN
            ),
            "rate_limit": _rate("TIMELINE_RATE_LIMIT", environ.get("TIMELINE_RATE_LIMIT") or OFF),
            "key_attempts": _rate(
                "TIMELINE_KEY_ATTEMPTS", environ.get("TIMELINE_KEY_ATTEMPTS") or "100/minute"
            ),
            "proxies": _networks(environ.get("TIMELINE_PROXIES")),
            "has_traces": traces == "otlp",
        }
        values.update({k: v for k, v in overrides.items() if v is not None})
        values["data_dir"] = Path(values["data_dir"]).expanduser().absolute()
        values["wal_archive"] = _archive(
            environ.get("TIMELINE_WAL_ARCHIVE"), values["data_dir"] / "postgres"
        )
        return cls(**values)


def _listed(name: str, text: str | None, form: re.Pattern[str]) -> tuple[str, ...]:
    """Names between commas, in small letters."""
    given = [one.strip().lower() for one in (text or "").split(",") if one.strip()]
    for one in given:
        if not form.fullmatch(one):
            example = "example.org, *.example.org" if form is _HOST else "https://example.org"
            raise BadSetting(f"{name} holds '{one}'; it takes a list such as '{example}'.")
    return tuple(given)


def _rate(name: str, text: str) -> Rate | None:
    if text == OFF:
        return None
    if not (found := _RATE.fullmatch(text)):
        raise BadSetting(f"{name} is '{text}'; it takes a rate such as '600/minute', or 'off'.")
    return Rate(int(found[1]), _SECONDS[found[2]])


def _networks(text: str | None) -> tuple[str, ...]:
    """Addresses and networks; never all of them, since then any client could say who it is."""
    given = [one.strip() for one in (text or "").split(",") if one.strip()]
    for one in given:
        try:
            is_some = ip_network(one, strict=False).prefixlen > 0
        except ValueError:
            is_some = False
        if not is_some:
            raise BadSetting(
                f"TIMELINE_PROXIES holds '{one}'; it takes addresses and networks such as "
                "'127.0.0.1, 10.0.0.0/8'."
            )
    return tuple(str(ip_network(one, strict=False)) for one in given)


def _archive(text: str | None, database: Path) -> Path | None:
    """A folder of its own: in the database it would be lost with what it is to bring back."""
    if not text:
        return None
    folder = Path(text).expanduser().resolve()
    if folder.is_relative_to(database.resolve()):
        raise BadSetting(
            f"TIMELINE_WAL_ARCHIVE is '{text}', which lies in the database; it takes a folder of "
            "its own, best on another disk."
        )
    return folder


def default_data_dir() -> Path:
    """The platform's folder for data of this user."""
    return Path(platformdirs.user_data_dir("lab-timeline", appauthor=False))


def _number(name: str, text: str, least: int, most: int) -> int:
    # [0-9] alone: other digits are decimals too.
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
        raise BadSetting(f"{name} is '{text}'; it takes a number from {least} to {most}.")
    return int(text)


def _processes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= REPLAY_PROCESSES_MAX:
        raise BadSetting(
            f"TIMELINE_REPLAY_PROCESSES is '{text}'; it takes a number from 1 to {REPLAY_PROCESSES_MAX}."
        )
    return int(text)
