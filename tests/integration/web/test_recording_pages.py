"""Forms record what the API would record: after its effect was shown, once, and for writers alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from service.api.operations import Machinery
from tests.integration.api.asking import (
    CORRECTED,
    HIRED,
    SEED,
    UNKNOWN,
    get,
    hire,
    position,
    record,
)
from tests.support.browsing import Elements, Form, browser, signed_in
from tests.support.nasty import ALL

CORRECT = f"/events/{HIRED}/correct"
RETRACT = f"/events/{HIRED}/retract"
FORMS = ("/record", CORRECT, RETRACT)


@pytest.fixture
async def editor(client: httpx.AsyncClient, made: Machinery) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of whoever holds the key of a writer, on a log that has the seed."""
    await record(client, *SEED)
    async with browser(made) as asking:
        await signed_in(asking, "writer")
        yield asking


async def step(
    editor: httpx.AsyncClient, action: str, page: str, status: int = 200, /, **typed: Any
) -> httpx.Response:
    """What is answered when the form of *page* is sent with what was typed over it."""
    fields = Form(page, action).fields | {k.replace("__", "/"): v for k, v in typed.items()}
    answer = await editor.post(action, data=fields)
    assert answer.status_code == status, Elements(answer.text).text
    return answer


async def opened(editor: httpx.AsyncClient, address: str) -> str:
    answer = await editor.get(address)
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_editor_corrects_a_date_and_sees_both_answers(
    editor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    before = await position(client)
    page = await opened(editor, CORRECT)
    filled = Form(page, CORRECT).fields
    assert (filled["type"], filled["person"], filled["date"]) == ("hire", "ada", "2020-02")
    shown = await step(
        editor, CORRECT, page, act="show", date="2020-03", reason="The letter says March."
    )
    text = Elements(shown.text).text
    assert "since February 2020" in text
    assert "since March 2020" in text
    assert await position(client) == before, "a rehearsal records nothing"
    sent = await step(editor, CORRECT, shown.text, 303, act="send")
    assert sent.headers["location"] == f"/events/{HIRED}?done=corrected"
    assert await position(client) == before + 1
    told = await get(client, f"/v1/events/{HIRED}")
    last = told["corrections"][-1]
    assert (last["recorded_by"], last["reason"]) == ("test-writer", "The letter says March.")
    assert told["current"]["date"] == "2020-03"
    event = (await editor.get(sent.headers["location"])).text
    assert "The correction is recorded." in event
    assert "done=" not in event, "what is cited does not say it again"
    assert "<del>2020</del>" in event
    assert "<ins>March 2020</ins>" in event
    earlier = (await editor.get(f"/events/{HIRED}?known_at={before}")).text
    assert "<ins>March 2020</ins>" not in earlier
    assert "<ins>February 2020</ins>" in earlier


async def test_event_is_recorded_as_the_api_would(
    editor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    page = await opened(editor, "/record?type=departure&person=ada")
    shown = await step(
        editor,
        "/record",
        page,
        act="show",
        lab="Analytical  engines",
        date="2024~",
        cause="<b>unknown</b>",
        note="Two\r\nlines.",
        certainty="confirmed",
        sources__2__url="https://example.org/a",
        sources__2__title="A \N{RIGHT-TO-LEFT OVERRIDE}title",
    )
    assert "<b>unknown" not in shown.text
    told = await client.post(
        "/v1/events?dry_run=true",
        json={"type": "departure", "person": "ada", "lab": "engines", "date": "2024~"},
    )
    for span in told.json()["rosters"]:
        assert span["lab"]["name"] in shown.text
    sent = await step(editor, "/record", shown.text, 303, act="send")
    location = sent.headers["location"]
    event = await get(client, f"/v1{location.partition('?')[0]}")
    assert event["position"] == await position(client)
    assert event["recorded_by"] == "test-writer"
    said = {k: event[k] for k in ("type", "date", "cause", "note", "certainty", "sources")}
    assert said == {
        "type": "departure",
        "date": "2024~",
        "cause": "<b>unknown</b>",
        "note": "Two\nlines.",
        "certainty": "confirmed",
        "sources": [{"url": "https://example.org/a", "title": "A \N{RIGHT-TO-LEFT OVERRIDE}title"}],
    }
    assert event["lab"]["id"] == "engines"
    assert "Recorded." in (await editor.get(location)).text


async def test_retraction_is_sent_after_its_effect_was_shown(
    editor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    page = await opened(editor, RETRACT)
    refused = await step(editor, RETRACT, page, 422, act="show", reason=" ")
    assert "A &#39;reason&#39; is needed" in refused.text
    shown = await step(editor, RETRACT, refused.text, act="show", reason="Not so.")
    assert "no stay" in Elements(shown.text).text
    sent = await step(editor, RETRACT, shown.text, 303, act="send")
    assert (await get(client, f"/v1/events/{HIRED}"))["current"] is None
    assert "withdrawn" in (await editor.get(sent.headers["location"])).text
    # A correction brings it back, and begins with what was said last.
    again = await opened(editor, CORRECT)
    assert Form(again, CORRECT).fields["date"] == "2020-02"


async def test_what_is_sent_twice_is_recorded_once(
    editor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    for action, typed in (
        ("/record", {"person": "ada", "lab": "y", "date": "2024"}),
        (CORRECT, {"date": "2020-05", "reason": "May."}),
    ):
        page = await opened(editor, action)
        shown = await step(editor, action, page, act="show", **typed)
        before = await position(client)
        one, other = await asyncio.gather(
            step(editor, action, shown.text, 303, act="send"),
            step(editor, action, shown.text, 303, act="send"),
        )
        assert one.headers["location"] == other.headers["location"]
        later = await step(editor, action, shown.text, 303, act="send")
        assert later.headers["location"] == one.headers["location"]
        assert await position(client) == before + 1


async def test_another_word_in_the_same_form_is_another_event(
    editor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    """Who goes back in the browser and types another date means another event."""
    page = await opened(editor, "/record")
    before = await position(client)
    for number, date in enumerate(("2021", "2022", "2021"), 1):
        typed = {"person": "wei-wang", "lab": "y", "date": date}
        shown = await step(editor, "/record", page, act="show", **typed)
        await step(editor, "/record", shown.text, 303, act="send")
        assert await position(client) == before + min(number, 2)


async def test_correction_of_what_was_corrected_meanwhile_shows_both(
    editor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    page = await opened(editor, CORRECT)
    shown = await step(editor, CORRECT, page, act="show", date="2020-05", reason="May.")
    other = hire(date="2020-07", reason="July, says <another>.")
    other.pop("event_id", None)
    assert (await client.put(f"/v1/events/{HIRED}/correction", json=other)).status_code == 201
    before = await position(client)
    moved = shown
    for typed in (shown.text, page):
        act = "send" if typed is shown.text else "show"
        moved = await step(editor, CORRECT, typed, 412, act=act, date="2020-05", reason="May.")
        text = Elements(moved.text).text
        assert "Somebody was here meanwhile" in text
        assert "by test-admin" in text
        assert "<del>July 2020</del>" in moved.text
        assert "<ins>May 2020</ins>" in moved.text
        assert Form(moved.text, CORRECT).fields["date"] == "2020-05"
    assert await position(client) == before
    again = await step(editor, CORRECT, moved.text, act="show")
    await step(editor, CORRECT, again.text, 303, act="send")
    assert (await get(client, f"/v1/events/{HIRED}"))["current"]["date"] == "2020-05"


async def test_retraction_of_what_was_retracted_meanwhile_is_not_recorded(
    editor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    pages = [await opened(editor, address) for address in (RETRACT, CORRECT)]
    shown = await step(editor, RETRACT, pages[0], act="show", reason="Not so.")
    answer = await client.put(f"/v1/events/{HIRED}/retraction", json={"reason": "Mine."})
    assert answer.status_code == 201
    before = await position(client)
    moved = await step(editor, RETRACT, shown.text, 412, act="send")
    assert Form(moved.text, RETRACT).fields["reason"] == "Not so."
    moved = await step(editor, CORRECT, pages[1], 412, act="show", date="2020-05", reason="May.")
    assert "(withdrawn)" in moved.text
    assert "<ins>May 2020</ins>" in moved.text
    assert await position(client) == before
    # Whoever has seen it can bring it back all the same.
    shown = await step(editor, CORRECT, moved.text, act="show")
    await step(editor, CORRECT, shown.text, 303, act="send")
    assert (await get(client, f"/v1/events/{HIRED}"))["current"]["date"] == "2020-05"


async def test_effect_is_shown_anew_if_the_history_moved_on(
    editor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    typed = {"person": "ada", "lab": "y", "date": "2024"}
    shown = await step(editor, "/record", await opened(editor, "/record"), act="show", **typed)
    await record(client, hire(lab="y", date="2023"))
    before = await position(client)
    anew = await step(editor, "/record", shown.text, 412, act="send")
    assert "Something was recorded meanwhile" in anew.text
    assert "while already there" in anew.text
    assert await position(client) == before
    await step(editor, "/record", anew.text, 303, act="send")
    assert await position(client) == before + 1


async def test_faults_stand_at_their_fields_and_nothing_is_lost(
    editor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    before = await position(client)
    typed = {
        "person": "Wei Wang",
        "lab": "Analytical Engine",
        "date": "2024-13",
        "role": "  CEO ",
        "note": ALL,
        "sources__1__url": "ftp://x",
        "sources__1__title": "<Title>",
    }
    page = await opened(editor, "/record")
    refused = await step(editor, "/record", page, 422, act="show", **typed)
    kept = Form(refused.text, "/record").fields
    assert (kept["person"], kept["date"], kept["role"]) == ("Wei Wang", "2024-13", "  CEO ")
    assert (kept["sources/0/url"], kept["sources/0/title"]) == ("ftp://x", "<Title>")
    found = Elements(refused.text).found
    at_fault = {said["name"] for _, said in found if said.get("aria-invalid") == "true"}
    assert at_fault == {"person", "lab", "date", "sources/0/url"}
    ids = [said["id"] for _, said in found if "id" in said]
    assert len(ids) == len(set(ids))
    labelled = {said.get("for") for tag, said in found if tag == "label"}
    for tag, said in found:
        if tag in ("input", "select", "textarea") and said.get("type") != "hidden":
            assert said["id"] in labelled, said
    for _, said in found:
        for element in (said.get("aria-describedby") or "").split():
            assert f'id="{element}"' in refused.text
    offered = {
        (said["name"], said["value"])
        for tag, said in found
        if tag == "button" and "take:" in str(said.get("name"))
    }
    assert offered == {
        ("take:person", "wei-wang"),
        ("take:person", "wei-wang-2"),
        ("take:lab", "engines"),
    }
    # One click takes a name that is near.
    taken = await step(editor, "/record", refused.text, 422, **{"take:lab": "engines"})
    assert Form(taken.text, "/record").fields["lab"] == "engines"
    assert await position(client) == before


async def test_somebody_new_is_added_by_a_tick(
    editor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    typed = {"person": "Grace Hopper", "lab": "y", "date": "2024"}
    page = await opened(editor, "/record")
    refused = await step(editor, "/record", page, 422, act="show", **typed)
    assert "is it new?" in refused.text
    shown = await step(editor, "/record", refused.text, act="show", person__new="on")
    sent = await step(editor, "/record", shown.text, 303, act="send")
    event = await get(client, f"/v1{sent.headers['location'].partition('?')[0]}")
    assert event["person"] == {"id": "grace-hopper", "name": "Grace Hopper"}
    # Another of the same name is told apart by an id.
    typed = {"person": "Wei Wang", "person__new": "on", "lab": "y", "date": "2024"}
    refused = await step(editor, "/record", page, 422, act="show", **typed)
    shown = await step(editor, "/record", refused.text, act="show", person__id="wei-wang-3")
    sent = await step(editor, "/record", shown.text, 303, act="send")
    event = await get(client, f"/v1{sent.headers['location'].partition('?')[0]}")
    assert event["person"]["id"] == "wei-wang-3"


async def test_rows_and_types_are_asked_for_without_script(editor: httpx.AsyncClient) -> None:
    page = await opened(editor, "/record")
    assert "sources/3/url" not in Form(page, "/record").fields
    more = await step(editor, "/record", page, more="sources", person="Ada", role="CEO")
    fields = Form(more.text, "/record").fields
    assert "sources/3/url" in fields
    assert (fields["person"], fields["role"]) == ("Ada", "CEO")
    other = await step(editor, "/record", more.text, act="type", type="merger")
    fields = Form(other.text, "/record").fields
    assert "absorbed/1" in fields
    assert "person" not in fields
    cycle = {"absorbed__0": "y", "lab": "x", "date": "2025"}
    refused = await step(editor, "/record", other.text, 422, act="show", **cycle)
    assert "close a cycle" in refused.text


async def test_preview_can_be_changed_again(editor: httpx.AsyncClient) -> None:
    page = await opened(editor, CORRECT)
    shown = await step(editor, CORRECT, page, act="show", date="2020-03", reason="March.")
    edited = await step(editor, CORRECT, shown.text, act="edit")
    fields = Form(edited.text, CORRECT).fields
    assert (fields["date"], fields["reason"]) == ("2020-03", "March.")
    assert fields["form_id"] == Form(page, CORRECT).fields["form_id"]


@pytest.mark.parametrize("address", FORMS)
async def test_forms_are_for_writers(
    address: str, client: httpx.AsyncClient, made: Machinery
) -> None:
    await record(client, *SEED)
    before = await position(client)
    async with browser(made) as asking:
        asked = await asking.get(address)
        assert (asked.status_code, asked.headers["location"]) == (
            302,
            f"/sign-in?next={address}",
        )
        sent = await asking.post(address, data={"act": "send"})
        assert sent.status_code == 303
        assert sent.headers["location"].startswith("/sign-in")
        token = await signed_in(asking, "reader")
        for answer in (
            await asking.get(address),
            await asking.post(address, data={"form_token": token, "act": "send"}),
        ):
            assert answer.status_code == 403
            assert "has the role" in answer.text
    assert await position(client) == before


@pytest.mark.parametrize("address", FORMS)
async def test_forms_from_elsewhere_record_nothing(
    address: str, editor: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    before = await position(client)
    typed = {"person": "ada", "lab": "y", "date": "2024", "reason": "x"}
    fields = Form(await opened(editor, address), address).fields | typed | {"act": "send"}
    for said, headers in (
        (fields | {"form_token": "0" * 64}, {}),
        ({k: v for k, v in fields.items() if k != "form_token"}, {}),
        (fields, {"Origin": "https://evil.example"}),
    ):
        assert (await editor.post(address, data=said, headers=headers)).status_code == 403
    # Nor does an address that says it all.
    assert (await editor.get(address, params=fields)).status_code == 200
    assert await position(client) == before


@pytest.mark.parametrize("act", ["correct", "retract"])
async def test_what_nobody_corrects_has_no_form(act: str, editor: httpx.AsyncClient) -> None:
    for event_id, status in ((UNKNOWN, 404), ("none", 404), (CORRECTED, 422)):
        answer = await editor.get(f"/events/{event_id}/{act}")
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"].startswith("text/html")


ODD: list[dict[str, Any]] = [
    {"type": "no-type"},
    {"type": "correction"},
    {"form_id": "x" * 5000, "seen": "99999999999999999999"},
    {"seen": "999999999", "act": "send"},
    {"act": "no-act", "more": "no-group"},
    {"take:person": "nobody", "take:": "x", "take:type": "x"},
    {"person/new": "on", "person": "", "sources/0/0/0": "x", "founders/x": "y"},
    {"date": "\0", "note": "x" * 5000, "sources/9999/url": "javascript:alert(1)"},
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("address", FORMS)
async def test_odd_fields_are_refused_or_passed_over(
    address: str, odd: dict[str, Any], editor: httpx.AsyncClient
) -> None:
    fields = Form(await opened(editor, address), address).fields
    answer = await editor.post(address, data=fields | odd)
    assert answer.status_code in (200, 303, 412, 422), Elements(answer.text).text
