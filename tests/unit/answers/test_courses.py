"""The largest labs of a day, of which most are not asked for their count."""

from datetime import date

import pytest

from service.answers.courses import Courses
from service.domain.headcounts import course
from service.domain.stints import Dates, Endpoint

DAY, END = date(2020, 1, 1), date(2030, 1, 1)


def of(people: int, since: date = DAY) -> list[list[Dates]]:
    start = Endpoint(since, since, since.isoformat())
    end = Endpoint(END, END, END.isoformat())
    return [[Dates(start, since, end)] for _ in range(people)]


@pytest.mark.parametrize(
    ("limit", "largest"),
    [(1, ["a"]), (2, ["a", "b"]), (3, ["a", "b", "c"]), (9, ["a", "b", "c"])],
)
def test_of_labs_as_large_the_first_by_id_is_told(limit: int, largest: list[str]) -> None:
    """Also where one that never had more is looked at after it."""
    later = date(2021, 1, 1)
    sizes = {"late": of(9, later), "c": of(1), "b": of(2), "a": of(2)}
    courses = Courses(
        position=1, of_labs={lab: course(people) for lab, people in sizes.items()}, others_max=0
    )
    found = courses.largest([DAY], limit)
    assert found is not None
    assert list(found) == largest
