"""A history whose names pages have trouble with: of every script, in both directions, without end."""

from collections.abc import Iterator
from typing import Any

LONG = "Wolfeschlegelsteinhausenbergerdorff" * 6
"""So long, and nowhere a place to break it."""
LONG = LONG[:200]

NAMES = {
    "arabic": "محمد بن موسى الخوارزمي",
    "hebrew": "עדה בת-ביירון (לאבלייס)",
    "both": "Ada עדה Lovelace (לאבלייס) 1815",
    "chinese": "艾達·勒芙蕾絲",
    "japanese": "山田 太郎／やまだ たろう",
    "korean": "김에이다",
    "thai": "เอดาเลิฟเลซผู้เขียนโปรแกรมคนแรกของโลก",
    "marks": "A\u0323\u0302\u0308\u0301\u0327\u0330d\u0323\u0302\u0308a\u0323\u0302\u0308\u0301 Zo\u0308e\u0308",
    "emoji": "Ada 👩🏽‍🔬 Lovelace 🏳️‍🌈",
    "markup": "<script>document.title='taken'</script>",
    "reference": "&lt;b&gt; &amp;amp; \"Ada\" 'Lovelace'",
    "long": LONG,
    "long chinese": "艾達" * 60,
}
"""People, by what is hard in their names."""

LABS = {
    "arabic": "مختبر الذكاء الاصطناعي",
    "hebrew": "מעבדת הבינה (תל אביב)",
    "chinese": "智能机器研究院",
    "long": f"Lab{LONG}"[:200],
    "markup": "</title><h1>Lab",
}
"""Labs, alike."""

CORRECTED = "00000000-0000-4000-8000-00000000abcd"
"""The first hire of who has an Arabic name, by an Arabic lab."""


def person(key: str) -> str:
    """The id of a person."""
    return f"p-{key.replace(' ', '-')}"


def lab(key: str) -> str:
    """The id of a lab."""
    return f"l-{key}"


def events() -> Iterator[dict[str, Any]]:
    """
    Everybody at two labs at once, and then at a third, with all that is said of it in hard words.

    Shapes: labs first; every name is said where it first comes up, and as an alias once more.
    """
    for key, name in LABS.items():
        yield {
            "type": "founding",
            "lab": {"id": lab(key), "name": name, "aliases": [f"{name} 2"]},
            "date": "2015~",
            "founders": [{"id": person(key), "name": NAMES[key]}],
            "sources": _sources(name),
        }
    labs = list(LABS)
    for number, (key, name) in enumerate(NAMES.items()):
        first, second, third = (labs[(number + n) % len(labs)] for n in range(3))
        hired = {
            "type": "hire",
            "person": {"id": person(key), "name": name, "aliases": [f"{name} 2"]},
            "lab": lab(first),
            "date": "2018-03",
            "role": name,
            "team": name,
            "location": name,
            "note": name,
            "sources": _sources(name),
        }
        yield hired | ({"event_id": CORRECTED} if key == "arabic" else {})
        yield {"type": "hire", "person": person(key), "lab": lab(second), "date": "2019~"}
        yield {"type": "departure", "person": person(key), "lab": lab(first), "date": "2021-05-04"}
        yield {"type": "hire", "person": person(key), "lab": lab(third), "date": "2021-06-01"}
    corrected = {"type": "hire", "person": person("arabic"), "lab": lab("arabic"), "date": "2018"}
    reason = " ".join(NAMES.values())
    yield {"type": "correction", "target": CORRECTED, "reason": reason, "event": corrected}


def _sources(name: str) -> list[dict[str, str]]:
    return [
        {
            "url": f"https://example.org/{'a' * 180}",
            "title": name,
            "publisher": name,
            "published": "2018-03-01",
        }
    ]
