"""What forms hold, and where one goes on after signing in."""

import doctest
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.refusals import ForeignForm
from service.log.keys import Principal
from service.web import packing, sessions
from service.web.page import Page
from service.web.sessions import check_form_token, form_token_of, local_address


def test_examples_hold() -> None:
    for module in (packing, sessions):
        failed, tried = doctest.testmod(module)
        assert tried > 0
        assert failed == 0


def test_form_token_is_of_one_session_and_tells_nothing_of_it() -> None:
    one, other = "a" * 43, "b" * 43
    assert form_token_of(one) == form_token_of(one) != form_token_of(other)
    assert one not in form_token_of(one)
    check_form_token(form_token_of(one), one)
    for sent in (form_token_of(other), "", one, form_token_of(one).upper(), "é"):
        with pytest.raises(ForeignForm):
            check_form_token(sent, one)


@given(st.text() | st.text("/\\.:@?#%\t\n\r ;=a\u2028\x85", max_size=12).map("/".__add__))
def test_one_goes_on_within_the_service(text: str) -> None:
    """As a browser resolves it: without tabs and ends of lines, with backslashes as slashes."""
    address = local_address(text)
    assert address.isascii()
    assert address.isprintable()
    assert " " not in address
    as_read = address.strip().translate({ord(c): None for c in "\t\n\r"}).replace("\\", "/")
    resolved = urlsplit(urljoin("https://test.example/sign-in", as_read))
    assert (resolved.scheme, resolved.netloc) == ("https", "test.example")


@given(st.from_regex(r"/[a-z0-9/._~-]{1,20}(\?[a-z]=[a-z0-9%]{1,8})?", fullmatch=True))
def test_path_of_the_service_is_gone_on_to(path: str) -> None:
    assert local_address(path) == (path if not path.startswith("//") else "/")


@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize("role", [None, "reader", "writer", "admin"])
@pytest.mark.parametrize("needed", [None, "reader", "writer", "admin"])
def test_page_is_for_those_whose_role_includes_its_own(
    role: str | None, needed: str | None, *, is_closed: bool
) -> None:
    roles = ["reader", "writer", "admin"]
    page = Page(name="x", path="/x", answer=_never, role=needed)  # type: ignore[arg-type]  # roles are texts here
    who = None if role is None else Principal("editor", role)  # type: ignore[arg-type]  # as above
    least = -1 if needed is None else roles.index(needed)
    least = max(least, 0) if is_closed else least
    has = -1 if role is None else roles.index(role)
    assert page.is_for(who, is_closed=is_closed) is (has >= least)


async def _never(visit: object) -> object:
    raise AssertionError(visit)
