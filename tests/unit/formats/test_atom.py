"""Feeds are documents that every reader can read, whatever stands in their texts."""

from datetime import UTC, datetime
from uuid import UUID
from xml.etree.ElementTree import Element, fromstring

from hypothesis import given
from hypothesis import strategies as st

from service.formats.atom import Entry, Feed, to_atom
from tests.support.nasty import ALL

ATOM = "{http://www.w3.org/2005/Atom}"
AT = datetime(2024, 6, 1, 12, 30, 5, 123, tzinfo=UTC)


def read(*entries: Entry, title: str = "All") -> Element:
    feed = Feed("urn:x:1", title, "http://test/f", "http://test/", AT, entries)
    return fromstring(to_atom(feed))


def entry(text: str = "Ada joined", published: datetime | None = AT) -> Entry:
    return Entry(UUID(int=7).urn, text, "http://test/events/7", published, AT, [text, text])


def test_feed_has_what_the_standard_asks_for() -> None:
    root = read(entry())
    assert root.tag == f"{ATOM}feed"
    for each in (root, *root.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(each.findall(f"{ATOM}{name}")) == 1, "exactly one"
    assert root.findtext(f"{ATOM}author/{ATOM}name") == "Lab Timeline"
    links = {link.get("rel"): link.get("href") for link in root.findall(f"{ATOM}link")}
    assert links == {"self": "http://test/f", "alternate": "http://test/"}
    assert root.findtext(f"{ATOM}updated") == "2024-06-01T12:30:05.000123Z"
    one = root.find(f"{ATOM}entry")
    assert one is not None
    assert one.findtext(f"{ATOM}id") == "urn:uuid:00000000-0000-0000-0000-000000000007"
    assert one.findtext(f"{ATOM}content") == "Ada joined\n\nAda joined"


def test_what_is_not_told_is_left_out() -> None:
    assert read(entry(published=None)).find(f"{ATOM}entry/{ATOM}published") is None
    assert read().findall(f"{ATOM}entry") == []


@given(st.text())
def test_every_text_can_be_read(text: str) -> None:
    root = read(entry(text), title=text)
    assert len(root.findall(f"{ATOM}entry")) == 1


def test_hostile_texts_are_texts() -> None:
    root = read(entry(ALL + "\ufffe\x00\x0b</title>"), title=ALL)
    names = {each.tag.removeprefix(ATOM) for each in root.iter()}
    assert names == {
        "feed", "id", "title", "updated", "link", "author", "name", "entry", "published", "content",
    }  # fmt: skip
    said = root.findtext(f"{ATOM}entry/{ATOM}title") or ""
    assert "<script>" in said
    assert "\ufffe" not in said
    assert "\x0b" not in said
