"""How pages look where something could be cut, broken, laid over or squeezed: the places of things."""

import io

import httpx
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import KEY, Opened, is_within_the_window, sign_in
from tests.browser.test_journeys import hire

CHARTS = (
    "/labs/google-deepmind?at=2026-11-22",
    "/labs/01-ai?at=1990-01-01",
    "/moves?at=2024-12-31",
)
BROKEN_WORDS = """selector => [...document.querySelectorAll(selector)].flatMap(within => {
  const walker = document.createTreeWalker(within, NodeFilter.SHOW_TEXT);
  const broken = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (const word of node.data.matchAll(/[\\p{L}\\p{N}]+/gu)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = [...range.getClientRects()].filter(box => box.width > 0).map(box => box.top);
      if (new Set(lines).size > 1) broken.push(word[0]);
    }
  }
  return broken;
})"""
"""Words that go on in the next line, since theirs has no room for them."""
LABELS = """() => [...document.querySelectorAll('main svg')].filter(
  svg => !svg.parentElement.closest('svg') && svg.querySelector('text') && svg.checkVisibility()
).map(svg => {
  const box = each => {
    const {left, right, top, bottom} = each.getBoundingClientRect();
    return {left, right, top, bottom, says: each.textContent};
  };
  const seen = [...svg.querySelectorAll('text')].filter(each => each.checkVisibility());
  return {drawing: box(svg), labels: seen.map(box)};
})"""
"""Of each drawing where it lies, and where its labels do."""
ENDS = """ribbons => ribbons.flatMap(each => [0, each.getTotalLength()].map(
  length => each.getPointAtLength(length).matrixTransform(each.getScreenCTM()).x
))"""
"""Where ribbons begin and end: their boxes are wider than what is drawn."""


def meeting(labels: list[dict[str, float]]) -> list[tuple[float, float]]:
    """Pairs of labels that lie over each other."""
    return [
        (one["says"], other["says"])
        for number, one in enumerate(labels)
        for other in labels[:number]
        if one["left"] < other["right"] - 1
        and other["left"] < one["right"] - 1
        and one["top"] < other["bottom"] - 4
        and other["top"] < one["bottom"] - 4
    ]


@pytest.mark.parametrize("width", [360, 700, 1440])
def test_labels_of_drawings_are_whole_and_apart(opened: Opened, url: str, width: int) -> None:
    page = opened(width)
    for address in CHARTS:
        page.goto(url + address)
        drawings = page.evaluate(LABELS)
        assert drawings
        for one in drawings:
            drawing, labels = one["drawing"], one["labels"]
            cut = [
                each["says"]
                for each in labels
                if each["left"] < drawing["left"] - 1 or each["right"] > drawing["right"] + 1
            ]
            assert cut == [], address
            assert meeting(labels) == [], address


def test_labels_of_a_narrow_axis_tell_their_years(opened: Opened, url: str) -> None:
    """January is not what is left out between one July and the next."""
    page = opened(360)
    page.goto(url + CHARTS[1])
    labels = page.locator(".headcount text:not(.count):visible")
    expect(labels).to_have_text(["Jan 2024", "Jan 2025", "Jan 2026"])


@pytest.mark.parametrize("width", [700, 1440])
def test_name_of_a_lab_lies_between_what_comes_and_goes(
    opened: Opened, url: str, width: int
) -> None:
    page = opened(width)
    page.goto(url + CHARTS[0])
    name = page.locator(".flows .here").bounding_box()
    assert name is not None
    last = max(page.locator(".flows .arriving").evaluate_all(ENDS))
    first = min(page.locator(".flows .leaving").evaluate_all(ENDS))
    assert last <= name["x"]
    assert first >= name["x"] + name["width"]


@pytest.mark.parametrize(
    ("address", "where"),
    [
        ("/?at=2026-11-22", ".overview tbody"),
        ("/people/lucas-beyer?at=2025-05-15", ".stays tbody"),
        ("/labs/google-deepmind?at=2026-11-22", ".steps tbody"),
    ],
)
def test_no_word_of_a_table_is_broken_on_a_phone(
    opened: Opened, url: str, address: str, where: str
) -> None:
    page = opened(360)
    page.goto(url + address)
    expect(page.locator(where)).to_be_visible()
    assert page.evaluate(BROKEN_WORDS, where) == []
    assert is_within_the_window(page)


def test_numbers_of_labs_stand_off_their_drawings(opened: Opened, url: str) -> None:
    page = opened(360)
    page.goto(f"{url}/?at=2026-11-22")
    for row in page.locator(".overview tbody tr").all()[:5]:
        number = row.locator("td.number").last.bounding_box()
        drawing = row.locator(".spark").bounding_box()
        assert number is not None
        assert drawing is not None
        assert number["x"] + number["width"] + 4 <= drawing["x"]


@pytest.fixture(scope="module")
def corrected(changing: str) -> str:
    """The address of an event whose date was corrected."""
    event_id = hire(changing, {"name": "Corrected Somebody"}, "meta-superintelligence-labs", "2025")
    said = {
        "type": "hire",
        "person": "corrected-somebody",
        "lab": "meta-superintelligence-labs",
        "date": "2025-07~",
        "reason": "The letter gives the month only.",
    }
    answer = httpx.put(
        f"{changing}/v1/events/{event_id}/correction",
        json=said,
        headers={"Authorization": f"Bearer {KEY}"},
    )
    assert answer.status_code == 201, answer.text
    return f"{changing}/events/{event_id}"


@pytest.mark.parametrize("width", [320, 360])
def test_effect_of_a_correction_is_read_on_a_phone(
    opened: Opened, corrected: str, width: int
) -> None:
    page = opened(width)
    page.goto(corrected)
    effects = page.locator(".chain .effect")
    expect(effects.first).to_be_visible()
    assert page.evaluate(BROKEN_WORDS, ".chain .effect tbody") == []
    for table in effects.all():
        box, room = table.bounding_box(), page.locator(".chain > li").first.bounding_box()
        assert box is not None
        assert room is not None
        assert box["x"] + box["width"] <= room["x"] + room["width"], "nothing is to be moved aside"
    for one in page.locator(".chain .effect td[data-label]").all():
        expect(one).to_be_visible()


def test_head_of_the_page_is_one_line_for_who_is_signed_in(opened: Opened, changing: str) -> None:
    page = opened(base_url=changing)
    page.goto("/")
    before = page.locator("header.top").bounding_box()
    sign_in(page, "/")
    name = page.locator(".account-name")
    expect(name).to_have_text("admin (admin)")
    assert name.evaluate("each => each.scrollWidth <= each.clientWidth"), "all of it is to be seen"
    after = page.locator("header.top").bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] <= before["height"] + 2


def test_time_of_recording_is_one_line(opened: Opened, url: str) -> None:
    page = opened()
    page.goto(f"{url}/log")
    spans = page.locator(".logged .when").evaluate_all(
        "every => every.map(cell => new Set([...cell.children].map("
        "one => Math.round(one.getBoundingClientRect().bottom / 8))).size)"
    )
    assert set(spans) == {1}


def test_table_that_goes_on_beyond_an_edge_is_shaded_there(opened: Opened, url: str) -> None:
    page = opened(360, color_scheme="light")
    page.goto(f"{url}/?labs=all&at=2026-11-22")
    table = page.locator(".wide")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert edges(table.screenshot()) == (ground, "shaded")
    table.evaluate("each => each.scrollTo(each.scrollWidth, 0)")
    expect(page.get_by_role("columnheader", name="possible")).to_be_in_viewport()
    assert edges(table.screenshot()) == ("shaded", ground)
    # What has room is not shaded.
    page.set_viewport_size({"width": 1440, "height": 800})
    assert edges(table.screenshot()) == (ground, ground)


def test_rows_of_a_table_that_is_moved_aside_are_no_higher_than_what_is_seen(
    opened: Opened, url: str
) -> None:
    page = opened(360)
    page.goto(f"{url}/?labs=all&at=2026-11-22")
    gaps = page.locator(".every tbody tr").evaluate_all(
        "every => every.map(row => row.getBoundingClientRect().height"
        " - row.querySelector('th a').getBoundingClientRect().height)"
    )
    assert max(gaps) < 24


@pytest.mark.parametrize("name", ["OpenAI", "Google DeepMind"])
def test_founders_have_a_line_of_their_own(opened: Opened, url: str, name: str) -> None:
    page = opened()
    page.goto(f"{url}/labs/{name.lower().replace(' ', '-')}?at=2026-11-22")
    founders = page.locator(".facts > div", has=page.get_by_text("Founders", exact=True))
    box, all_of_it = founders.bounding_box(), page.locator(".facts").bounding_box()
    assert box is not None
    assert all_of_it is not None
    assert box["width"] > all_of_it["width"] - 2


def edges(picture: bytes) -> tuple[str, str]:
    """The ground at both ends of a table's first line, or that it is shaded."""
    taken = Image.open(io.BytesIO(picture)).convert("RGB")
    ends = [taken.getpixel((x, 2)) for x in (0, taken.width - 1)]
    plain = taken.getpixel((taken.width // 2, 2))
    said = "rgb({}, {}, {})".format(*plain)  # type: ignore[misc] # of three parts
    first, last = (said if end == plain else "shaded" for end in ends)
    return first, last
