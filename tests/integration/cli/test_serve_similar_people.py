"""The service looks for people who may be one by itself."""

import time
from pathlib import Path

import httpx

from tests.support.server import served

LISTED = "/v1/findings?kind=possible_same_person"


def test_service_finds_them_and_ends_cleanly(tmp_path: Path) -> None:
    hires = [
        {"type": "hire", "person": {"id": one, "name": "Wei Wang"}, "lab": {"name": "X"},
         "date": "2020"}
        for one in ("w-1", "w-2")
    ]  # fmt: skip
    environment = {"TIMELINE_API_KEY": "key"}
    with served(tmp_path, "--empty", environment=environment) as running:
        with httpx.Client(base_url=running.url, headers={"Authorization": "Bearer key"}) as client:
            assert client.post("/v1/events", json=hires).status_code == 201
            deadline = time.monotonic() + 20
            while not (items := client.get(LISTED).json()["items"]):
                assert time.monotonic() < deadline, "\n".join(running.lines)
                time.sleep(0.1)
        assert [(i["person"]["id"], i["other"]["id"]) for i in items] == [("w-1", "w-2")]
        assert running.stop() == 0
