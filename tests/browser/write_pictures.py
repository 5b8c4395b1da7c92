"""Takes the pictures of pages that README.md shows anew: `python -m tests.browser.write_pictures`."""

import io
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.support.server import served

FOLDER = Path(__file__).with_name("pictures")
SIZE = (1200, 1050)


class Picture(NamedTuple):
    """One page of the history that comes along, on a day that does not pass."""

    name: str
    path: str
    scheme: Literal["light", "dark"]


PICTURES = (
    Picture("lab", "/labs/google-deepmind?at=2024-06-01", "light"),
    Picture("person", "/people/lucas-beyer?at=2025-05-15", "light"),
    Picture("moves", "/moves?from=2024-01-01&to=2024-12-31&at=2024-12-31", "dark"),
)


def write_pictures() -> None:
    """Each of them, with few colours: a page has no more, and the file is a third as large."""
    FOLDER.mkdir(exist_ok=True)
    width, height = SIZE
    with (
        tempfile.TemporaryDirectory() as data,
        served(Path(data)) as running,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for picture in PICTURES:
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme=picture.scheme
            )
            page.goto(running.url + picture.path)
            taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            taken.quantize(128).save(FOLDER / f"{picture.name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    write_pictures()
