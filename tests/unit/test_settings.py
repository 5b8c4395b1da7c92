"""Settings of the environment: what they mean, and what means nothing."""

import pytest

from service.settings import BadSetting, Settings


def test_one_process_replays_unless_more_are_asked_for() -> None:
    assert Settings.from_environment({}).replay_processes == 1
    more = Settings.from_environment({"TIMELINE_REPLAY_PROCESSES": "4"})
    assert more.replay_processes == 4


@pytest.mark.parametrize("text", ["0", "17", "many", "-1", "1.5"])
def test_other_numbers_of_processes_mean_nothing(text: str) -> None:
    with pytest.raises(BadSetting, match=f"'{text}'; it takes a number from 1 to 16"):
        Settings.from_environment({"TIMELINE_REPLAY_PROCESSES": text})
