"""A small history in which everything occurs that an answer can show."""

from typing import Any

EVENT_ID = "0b0e9d5e-7c1c-5b8e-9b1e-3c1f4e0f6a11"
CORRECTION_ID = "0b0e9d5e-7c1c-5b8e-9b1e-3c1f4e0f6a12"

_SOURCE = {
    "url": "https://example.org/news",
    "title": "News",
    "publisher": "Example",
    "published": "2024-01",
}

HISTORY: list[dict[str, Any]] = [
    {
        "type": "profile",
        "lab": {"id": "google-brain", "name": "Google Brain", "aliases": ["Brain"]},
        "kind": "lab",
        "parent": "Google",
        "country": "US",
    },
    {
        "type": "founding",
        "lab": {"id": "deepmind", "name": "DeepMind", "aliases": ["GDM"]},
        "date": "2010-09~",
        "founders": [
            {"person": {"name": "Demis Hassabis"}, "role": "CEO"},
            {"name": "Shane Legg"},
        ],
        "parent": {"id": "google", "name": "Google"},
        "location": "London",
        "sources": [_SOURCE],
    },
    {
        "type": "hire",
        "person": {"name": "Lucas Beyer"},
        "lab": "Brain",
        "date": "2018",
        "role": "Research Scientist",
        "team": "Vision",
        "location": "Zurich",
        "relation": "employee",
        "basis": "reported",
        "certainty": "confirmed",
        "note": "the month is not known",
        "sources": [_SOURCE],
        "alternatives": [{"date": "2018-05", "sources": [_SOURCE]}],
        "event_id": EVENT_ID,
    },
    {"type": "merger", "absorbed": ["google-brain"], "lab": "deepmind", "date": "2023-04-20"},
    {"type": "renaming", "lab": "deepmind", "name": "Google DeepMind", "date": "2023-04-20"},
    {"type": "sighting", "person": "Lucas Beyer", "lab": "DeepMind", "date": "2024-07~"},
    {"type": "departure", "person": "Lucas Beyer", "lab": "DeepMind", "date": "2024-12-03"},
    {"type": "hire", "person": {"name": "林俊旸"}, "lab": {"name": "Qwen/Tongyi"}, "date": "2019~"},
    {"type": "leave", "person": "林俊旸", "lab": "Qwen/Tongyi", "date": "2021"},
    {"type": "return", "person": "林俊旸", "lab": "Qwen/Tongyi", "date": "2022"},
    {
        "type": "role_change",
        "person": "林俊旸",
        "lab": "Qwen/Tongyi",
        "date": "2023",
        "role": "Lead",
    },
    {"type": "hire", "person": "林俊旸", "lab": "Qwen/Tongyi", "date": "2019"},
    {"type": "departure", "person": {"name": "Ann"}, "lab": {"name": "Lab X"}, "date": "[..2012]"},
    {"type": "closure", "lab": "Lab X", "date": "2015"},
    {"type": "ownership", "lab": "deepmind", "parent": "Alphabet Inc.", "date": "2015-10-02"},
    {
        "type": "hire",
        "person": {"id": "wei-wang", "name": "Wei Wang"},
        "lab": "GDM",
        "date": "2020",
    },
    {
        "type": "hire",
        "person": {"id": "wei-wang-2", "name": "Wei Wang"},
        "lab": "GDM",
        "date": "2021",
        "certainty": "rumoured",
    },
    {"type": "different_from", "person": "wei-wang", "other": "wei-wang-2"},
    {"type": "same_as", "person": {"id": "l-beyer", "name": "L. Beyer"}, "into": "lucas-beyer"},
    {
        "type": "profile",
        "person": "demis-hassabis",
        "ids": {"wikidata": "Q3022141", "homepage": "https://example.org/demis"},
        "aliases": ["Sir Demis"],
    },
    {
        "type": "correction",
        "target": EVENT_ID,
        "reason": "the month is known",
        "event": {"type": "hire", "person": "Lucas Beyer", "lab": "Brain", "date": "2018-05"},
        "event_id": CORRECTION_ID,
    },
]
