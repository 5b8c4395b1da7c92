"""Settings of the environment: what they mean, and what means nothing."""

from pathlib import Path

import pytest

from service.settings import BadSetting, Rate, Settings


def test_one_process_replays_unless_more_are_asked_for() -> None:
    assert Settings.from_environment({}).replay_processes == 1
    more = Settings.from_environment({"TIMELINE_REPLAY_PROCESSES": "4"})
    assert more.replay_processes == 4


@pytest.mark.parametrize("text", ["0", "17", "many", "-1", "1.5"])
def test_other_numbers_of_processes_mean_nothing(text: str) -> None:
    with pytest.raises(BadSetting, match=f"'{text}'; it takes a number from 1 to 16"):
        Settings.from_environment({"TIMELINE_REPLAY_PROCESSES": text})


def test_archive_is_a_folder_of_its_own(tmp_path: Path) -> None:
    environment = {"TIMELINE_DATA_DIR": str(tmp_path), "TIMELINE_WAL_ARCHIVE": ""}
    assert Settings.from_environment(environment).wal_archive is None
    environment["TIMELINE_WAL_ARCHIVE"] = str(tmp_path / "wal")
    assert Settings.from_environment(environment).wal_archive == tmp_path / "wal"
    for place in ("postgres", "postgres/pg_wal", "../" + tmp_path.name + "/postgres"):
        environment["TIMELINE_WAL_ARCHIVE"] = str(tmp_path / place)
        with pytest.raises(BadSetting, match="which lies in the database"):
            Settings.from_environment(environment)


def test_nothing_is_shut_unless_it_is_set() -> None:
    unset = Settings.from_environment({"TIMELINE_HOSTS": "", "TIMELINE_RATE_LIMIT": ""})
    assert (unset.hosts, unset.cors_origins, unset.proxies) == ((), (), ())
    assert unset.rate_limit is None
    assert unset.key_attempts == Rate(100, 60)


def test_doors_are_set() -> None:
    found = Settings.from_environment(
        {
            "TIMELINE_HOSTS": "Example.org, *.example.net ,[::1],",
            "TIMELINE_CORS_ORIGINS": "https://Pages.example.org:8443,*",
            "TIMELINE_RATE_LIMIT": "20/second",
            "TIMELINE_KEY_ATTEMPTS": "off",
            "TIMELINE_PROXIES": "127.0.0.1, 10.1.2.3/8, ::1",
        }
    )
    assert found.hosts == ("example.org", "*.example.net", "[::1]")
    assert found.cors_origins == ("https://pages.example.org:8443", "*")
    assert (found.rate_limit, found.key_attempts) == (Rate(20, 1), None)
    assert found.proxies == ("127.0.0.1/32", "10.0.0.0/8", "::1/128")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TIMELINE_HOSTS", "https://example.org"),
        ("TIMELINE_HOSTS", "example.org:80"),
        ("TIMELINE_HOSTS", "*"),
        ("TIMELINE_CORS_ORIGINS", "example.org"),
        ("TIMELINE_CORS_ORIGINS", "https://example.org/"),
        ("TIMELINE_RATE_LIMIT", "600"),
        ("TIMELINE_RATE_LIMIT", "0/minute"),
        ("TIMELINE_KEY_ATTEMPTS", "5/day"),
        ("TIMELINE_PROXIES", "*"),
        ("TIMELINE_PROXIES", "0.0.0.0/0"),
        ("TIMELINE_PROXIES", "localhost"),
    ],
)
def test_other_doors_mean_nothing(name: str, text: str) -> None:
    with pytest.raises(BadSetting, match=f"^{name} "):
        Settings.from_environment({name: text})
