"""What all tests share: profiles of Hypothesis, by HYPOTHESIS_PROFILE, and logs as they were."""

import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

settings.register_profile("dev", max_examples=50, deadline=None)
# The same examples in every run: what lands does not depend on chance; `long` looks further.
settings.register_profile(
    "ci", max_examples=50, deadline=None, print_blob=True, derandomize=True, database=None
)
settings.register_profile("long", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

pytest_plugins = ["tests.support.postgres"]


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command in process sets the log of the whole process, for the next test too."""
    kept = structlog.get_config()
    yield
    structlog.configure(**kept)
