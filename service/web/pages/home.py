"""Where a browser that opens the address begins, and where the box leads."""

from litestar import Response

from service.web.page import Page
from service.web.pages.search import found
from service.web.visits import Visit


async def home(visit: Visit) -> Response[bytes]:
    q = visit.text("q")
    if q is None:
        return visit.show("home.html", q="", first_question=visit.site.first_question)
    return await found(visit, q)


PAGES = (Page(name="home", path="/", answer=home),)
