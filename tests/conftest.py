"""Profiles of Hypothesis, chosen by the environment variable HYPOTHESIS_PROFILE."""

import os

from hypothesis import settings

settings.register_profile("dev", max_examples=50, deadline=None)
# The same examples in every run: what lands does not depend on chance; `long` looks further.
settings.register_profile(
    "ci", max_examples=50, deadline=None, print_blob=True, derandomize=True, database=None
)
settings.register_profile("long", max_examples=5000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

pytest_plugins = ["tests.support.postgres"]
