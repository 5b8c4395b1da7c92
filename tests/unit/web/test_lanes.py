"""Where someone was, lab by lab, and at how many at once."""

from datetime import date

from service.answers.names import Labels
from service.domain.labs import LabFacts, Labs
from service.domain.stints import Endpoint, Stint
from service.web.charts.scales import Window
from service.web.lanes import at_once, lanes, overlap_pieces

WINDOW = Window(date(2020, 1, 1), date(2020, 12, 31))
LABS = Labs({one: LabFacts(one, one, one.upper()) for one in ("a", "b", "c")})


def stint(lab: str, start: date, end: date | None = None, *, lo: date | None = None) -> Stint:
    return Stint(
        "ada",
        lab,
        Endpoint(lo or start, start, "2020"),
        start if end is None else end,
        None if end is None else Endpoint(end, end, "2020"),
    )


def test_each_lab_has_one_lane_by_the_first_stay() -> None:
    stints = [
        stint("b", date(2020, 1, 1), date(2020, 3, 1)),
        stint("a", date(2020, 2, 1)),
        stint("b", date(2020, 6, 1), date(2020, 9, 1)),
    ]
    found = lanes(stints, Labels({}, LABS, WINDOW.last), WINDOW, date(2020, 7, 1))
    assert [(lane.lab.name, lane.presence) for lane in found] == [
        ("B", "certain"),
        ("A", "presumed"),
    ]
    assert [piece.mark for piece in found[0].pieces] == ["certain", "certain"]


def test_days_at_two_labs_have_the_weaker_presence() -> None:
    stints = [
        stint("a", date(2020, 1, 1), date(2020, 6, 1)),
        stint("b", date(2020, 3, 1), date(2020, 9, 1), lo=date(2020, 2, 1)),
    ]
    march, june = date(2020, 3, 1), date(2020, 6, 1)
    assert at_once(stints) == [
        (["a", "b"], "possible", date(2020, 2, 1), march),
        (["a", "b"], "certain", march, june),
    ]
    assert [piece.mark for piece in overlap_pieces(at_once(stints), WINDOW)] == [
        "possible",
        "certain",
    ]


def test_the_second_of_three_tells_how_sure_two_are() -> None:
    stints = [
        stint("a", date(2020, 1, 1), date(2020, 6, 1)),
        stint("b", date(2020, 1, 1), date(2020, 6, 1)),
        stint("c", date(2020, 6, 1), date(2020, 6, 1), lo=date(2020, 1, 1)),
    ]
    assert {span.presence for span in at_once(stints)} == {"certain"}


def test_one_after_another_is_not_at_once() -> None:
    day = date(2020, 5, 1)
    assert at_once([stint("a", date(2020, 1, 1), day), stint("b", day)]) == []
    assert at_once([]) == []


def test_what_lies_beyond_the_window_is_not_drawn() -> None:
    stints = [stint("a", date(2021, 1, 1)), stint("b", date(2021, 1, 1))]
    assert overlap_pieces(at_once(stints), WINDOW) == []
