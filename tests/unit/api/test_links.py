"""Links in headers, and the paths that they lead to."""

import doctest

import httpx

from service.api import links
from service.api.links import link, path_of


def test_examples_hold() -> None:
    assert doctest.testmod(links) == (0, 3)


def test_several_links_live_in_one_header() -> None:
    header = ", ".join([link("/v1/a?q=x%2Cy", "next"), link("/v1/b", "memento", datetime="Mon, 1")])
    parsed = httpx.Response(200, headers={"link": header}).links
    assert parsed["next"]["url"] == "/v1/a?q=x%2Cy"
    assert parsed["memento"]["datetime"] == "Mon, 1"


def test_no_name_leaves_its_place_in_the_path() -> None:
    template = "/v1/labs/{lab:str}/members/{person:str}/why"
    names = {"lab": 'a/b?c#d"<>', "person": "林俊旸"}
    assert path_of(template, names) == (
        "/v1/labs/a%2Fb%3Fc%23d%22%3C%3E/members/%E6%9E%97%E4%BF%8A%E6%97%B8/why"
    )
