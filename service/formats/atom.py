"""
Feeds of what is recorded, in Atom.

Source: RFC 4287. Texts are texts: markup in them is escaped, and what XML cannot have, or what
would turn a line around, is spelt out.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, tostring

from service.printable import printable

MEDIA_TYPE = "application/atom+xml"
_NAMESPACE = "http://www.w3.org/2005/Atom"
_AUTHOR = "Lab Timeline"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no document of XML 1.0 may have, escaped or not."""


class Entry(NamedTuple):
    """One event with what it says now, or something else that rests on events."""

    id: str
    """A URN, the same whatever is said of it later."""
    title: str
    address: str
    published: datetime | None
    """When it was recorded; None where that is not told."""
    updated: datetime
    """When it was recorded, corrected or retracted last."""
    said: Sequence[str]
    """Paragraphs."""


class Feed(NamedTuple):
    """The latest events about something."""

    id: str
    """The same wherever the feed is read."""
    title: str
    address: str
    """Of the feed itself."""
    page: str
    updated: datetime
    entries: Sequence[Entry]
    """Of each event one, or of each of what else they are of; what was spoken of last first."""


def to_atom(feed: Feed) -> str:
    """The feed as a document; an event that is corrected is the same entry, updated."""
    root = Element("feed", xmlns=_NAMESPACE)
    _text(root, "id", feed.id)
    _text(root, "title", feed.title)
    _instant(root, "updated", feed.updated)
    SubElement(root, "link", rel="self", type=MEDIA_TYPE, href=feed.address)
    SubElement(root, "link", rel="alternate", type="text/html", href=feed.page)
    _text(SubElement(root, "author"), "name", _AUTHOR)
    for one in feed.entries:
        entry = SubElement(root, "entry")
        _text(entry, "id", one.id)
        _text(entry, "title", one.title)
        _instant(entry, "updated", one.updated)
        if one.published is not None:
            _instant(entry, "published", one.published)
        SubElement(entry, "link", rel="alternate", type="text/html", href=one.address)
        _text(entry, "content", "\n\n".join(one.said))
    return tostring(root, encoding="unicode", xml_declaration=True)


def _text(parent: Element, name: str, text: str) -> None:
    said = "\n".join(map(printable, text.split("\n")))
    SubElement(parent, name).text = _FORBIDDEN.sub("", said)


def _instant(parent: Element, name: str, at: datetime) -> None:
    SubElement(parent, name).text = at.isoformat().replace("+00:00", "Z")
