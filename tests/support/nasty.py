"""Names and notes that act wherever they are shown without care: the fixture of every output."""

import re

NASTY = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": "\"' onmouseover='alert(1)",
    "template": "{{ 7 * 7 }} {% include 'x' %} ${7*7} %(name)s %n {0}",
    "formula": "=cmd|'/C calc'!A0",
    "formula, plus": "+1+1",
    "formula, minus": "-2+3",
    "formula, at": "@SUM(1,1)",
    "cells": 'a,b;"c"|d',
    "tab": "a\tb",
    "window title": "\x1b]0;owned\x07",
    "colour": "\x1b[31mred",
    "colour, eight bits": "\x9b31mred",
    "backspaces": "good\b\b\b\bevil",
    "carriage return": "good\revil",
    "header": "a\r\nSet-Cookie: evil=1\r\n\r\n<html>",
    "log line": 'a\n2026-11-22T00:00:00Z [info] keys_created role="admin"',
    "next line": "a\x85b",
    "separators": "a\u2028b\u2029c",
    "right to left": "user\u202egnp.exe",
    "isolates": "\u2066a\u2069\u200f\u200e",
    "joiners": "می\u200cخواهم",
    "no break": "a\u00a0b\u3000c",
    "byte order": "\ufeffa",
    "tags": "\U000e0041\U000e0042",
    "private": "\ue000\U0010fffd",
    "no character": "\uffff\U0001ffff",
    "marks": "Z\u0351\u036b\u0343\u036a\u0302\u0363",
    "mark alone": "\u0301",
    "planes": "黄 𝒜 😀 🏳️‍🌈 𠀀",
    "markup of tables": "[red]name[/red] [link=http://example.org]x[/link]",
    "path": "../../etc/passwd?a=b#c%2F%00",
    "quotes": '\\" \\u0041 `id` $(id)',
}  # fmt: skip
"""By what each is aimed at."""

ALL = " ".join(NASTY.values())
"""All of them in one text."""

_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def acting(text: str) -> list[str]:
    """
    What in *text* acts on a terminal or on the order of a line, with what stands around it.

    Ends of lines and tabs are left to the caller.
    """
    return [repr(text[max(0, m.start() - 20) : m.end() + 20]) for m in _ACTING.finditer(text)]
