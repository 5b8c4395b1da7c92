"""Where a browser that opens the address begins, and where names are looked for."""

from litestar import Response

from service.answers.labs import labs_on
from service.answers.people import people
from service.web.page import Page
from service.web.visits import Visit

FOUND_MAX = 20
"""Labs, and people, that are shown for a name."""


async def home(visit: Visit) -> Response[bytes]:
    q = visit.text("q")
    if q is None:
        return visit.show("home.html", q="", first_question=visit.site.first_question)
    async with visit.reading() as (connection, times):
        labs = await labs_on(connection, times, q=q, after=None, limit=FOUND_MAX)
        persons = await people(connection, times, q=q, after="", limit=FOUND_MAX)
    return visit.show("found.html", q=q, labs=labs.items, people=persons.items)


PAGES = (Page(name="home", path="/", answer=home),)
