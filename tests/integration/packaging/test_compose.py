"""The compose file, as far as it can be held to account where no container engine runs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.cli.main import timeline
from service.settings import Settings

ROOT = Path(__file__).parents[3]


@pytest.fixture
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def test_services_start_in_order(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"postgres", "migrate", "service"}
    assert services["postgres"]["image"] == "postgres:18"
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert (
        services["service"]["depends_on"]["migrate"]["condition"]
        == "service_completed_successfully"
    )
    assert services["migrate"]["restart"] == "no"


def test_data_lies_in_a_named_volume_that_version_18_uses(compose: dict[str, Any]) -> None:
    (volume,) = compose["services"]["postgres"]["volumes"]
    name, _, folder = volume.partition(":")
    assert name in compose["volumes"]
    assert folder == "/var/lib/postgresql"


def test_secrets_come_from_the_environment(compose: dict[str, Any]) -> None:
    environment = compose["services"]["service"]["environment"]
    assert environment["TIMELINE_API_KEY"].startswith("${TIMELINE_API_KEY:?")
    assert "${POSTGRES_PASSWORD:?" in environment["DATABASE_URL"]
    settings = Settings.from_environment(environment | {"TIMELINE_READ_KEYS": "required"})
    assert settings.database_url is not None
    assert settings.read_keys_required


def test_commands_are_those_of_the_command_line(compose: dict[str, Any]) -> None:
    for name in ("migrate", "service"):
        program, command = compose["services"][name]["command"]
        assert program == "timeline"
        assert command in timeline.commands


def test_the_image_copies_what_there_is_and_runs_as_nobody_special(
    compose: dict[str, Any],
) -> None:
    dockerfile = compose["services"]["service"]["build"]["dockerfile_inline"]
    sources = re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE)
    for source in " ".join(sources).split():
        assert (ROOT / source).exists(), source
    final = dockerfile.split("FROM ")[-1]
    assert "USER timeline" in final
    assert not re.search(r"gcc|build-essential|apt", dockerfile)


def test_the_service_says_when_it_is_ready(compose: dict[str, Any]) -> None:
    check = compose["services"]["service"]["healthcheck"]["test"]
    assert "/readyz" in check[-1]
    compile(check[-1], "healthcheck", "exec")
