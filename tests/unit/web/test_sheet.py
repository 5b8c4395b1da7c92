"""The style sheet is whole: a brace that is lost would let a narrow window's rules hold everywhere."""

from importlib.resources import files


def test_every_block_is_closed_before_the_next_one_begins() -> None:
    sheet = files("service.web").joinpath("static", "page.css").read_text("utf-8")
    depth = 0
    for number, line in enumerate(sheet.splitlines(), 1):
        if line.startswith(("/*", "@media")):
            assert depth == 0, f"line {number} lies within another block"
        depth += line.count("{") - line.count("}")
        assert depth >= 0, f"line {number} closes what is not open"
    assert depth == 0
