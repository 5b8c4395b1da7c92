"""
The laws of fuzzing: on chance's bytes always, and led by atheris if it is there and asked for.

TIMELINE_FUZZING_SECONDS is how long each target is looked at by atheris (none unless given).
"""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzzing.targets import TARGETS
from tests.support.counted import count

SECONDS = int(os.environ.get("TIMELINE_FUZZING_SECONDS", "0"))
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_keep_the_law(name: str) -> None:
    for content in TARGETS[name].seeds:
        TARGETS[name].law(content)


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_any_bytes_keep_the_law(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(TARGETS[name].seeds))
    at = data.draw(st.integers(0, len(seed)))
    TARGETS[name].law(seed[:at] + data.draw(st.binary(max_size=40)) + seed[at:])


@pytest.mark.skipif(SECONDS == 0, reason="TIMELINE_FUZZING_SECONDS is not given")
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not there")
@pytest.mark.parametrize("name", TARGETS)
def test_what_is_led_by_the_code_keeps_the_law(name: str, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "tests.fuzzing", name, "--seconds", str(SECONDS))
    done = subprocess.run(
        [*command, "--corpus", str(tmp_path / "corpus")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5_000:]
    told = re.search(r"stat::number_of_executed_units: *([0-9]+)", done.stderr)
    assert told is not None, done.stderr[-1_000:]
    count("input", f"{name}, led by the code they reach", int(told[1]))
