"""How texts are shown, whichever template shows them."""

import pytest
from markupsafe import Markup

from service.web.escaping import as_coded
from service.web.rendering import _TEMPLATES
from tests.support.nasty import NASTY, acting


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY.keys())
def test_text_is_shown_as_a_text(text: str) -> None:
    """Nothing in it is an element, ends an attribute, or acts on the order of a line."""
    for template in ("{{ text }}", "{% macro m(t) %}{{ t }}{% endmacro %}{{ m(text) }}"):
        shown = _TEMPLATES.from_string(template).render(text=text)
        assert not set("<>\"'") & set(shown)
        assert acting(shown.replace("\n", "")) == []


def test_name_in_any_script_stays_as_it_is() -> None:
    for name in ("林俊旸", "Łukasz Kaiser", "محمد", "می\u200cخواهم", "O'Neill"):
        shown = _TEMPLATES.from_string("{{ name }}").render(name=name)
        assert Markup(shown).unescape() == name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("as `next` says", "as <code>next</code> says"),
        ("`<b>` & `x`", "<code>&lt;b&gt;</code> &amp; <code>x</code>"),
        ("one ` alone", "one ` alone"),
        ("", ""),
    ],
)
def test_what_is_between_backticks_is_code(text: str, shown: str) -> None:
    assert as_coded(text) == shown


def test_presence_is_told_apart_by_shape_and_by_word() -> None:
    """Without any colour: a filled dot, a dashed ring, a ring, one that is crossed out."""
    template = _TEMPLATES.from_string(
        '{% from "marks.html" import presence %}{{ presence(word) }}', globals=_TEMPLATES.globals
    )
    words = ("certain", "presumed", "possible", "withdrawn")
    shown = {word: template.render(word=word) for word in words}
    assert all(shown[word].endswith(f" {word}</span>") for word in words)
    shapes = {word: shown[word].partition("<svg")[2].partition("</svg>")[0] for word in words}
    assert len(set(shapes.values())) == len(words)
    assert 'fill="currentColor"' in shapes["certain"]
    assert "stroke-dasharray" in shapes["presumed"]
    assert "dash" not in shapes["possible"]
    assert "<path" not in shapes["possible"]
    assert "<path" in shapes["withdrawn"]
