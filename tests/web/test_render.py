"""What people and programs see when something goes wrong, and what templates can say."""

import json
from datetime import UTC, datetime

import httpx2
import pytest
from jinja2 import UndefinedError
from sqlalchemy.exc import DataError
from starlette.requests import Request

from greenroom.settings import Settings
from greenroom.web import render

pytestmark = pytest.mark.anyio

_BROWSER = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
_HTMX = {"accept": "text/html", "hx-request": "true"}


async def test_a_program_gets_a_problem_it_can_parse(client):
    response = await client.get("/away", headers={"accept": "*/*"})

    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["retry-after"] == "5"
    expected = {"title": "The database is <away>.", "detail": "Wait.", "status": 503}
    assert response.json() == expected


async def test_an_api_path_answers_a_browser_as_a_program(client):
    response = await client.get("/api/nothing", headers=_BROWSER)

    assert response.json()["status"] == 404


async def test_a_browser_gets_a_page_with_the_text_escaped(client):
    response = await client.get("/away", headers=_BROWSER)

    assert response.status_code == 503
    assert response.text.count("<!doctype html>") == 1
    assert "The database is &lt;away&gt;." in response.text


async def test_htmx_gets_a_panel_with_one_root(client):
    response = await client.get("/away", headers=_HTMX)

    assert response.status_code == 503
    assert response.text.strip().startswith('<section id="problem"')
    assert "<html" not in response.text


async def test_too_often_says_when_to_come_back(client):
    response = await client.get("/often")

    assert (response.status_code, response.headers["retry-after"]) == (429, "300")


async def test_half_a_surrogate_pair_does_not_cost_the_page_it_is_on(client):
    response = await client.get("/halved", headers=_BROWSER)

    assert response.status_code == 404
    assert "There is no thing “?”." in response.text


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/needs-sign-in", "/sign-in?next=/needs-sign-in"),
        ("/needs-sign-in?a=1&b=2", "/sign-in?next=/needs-sign-in%3Fa%3D1%26b%3D2"),
        ("/needs-sign-in?a=%0d%0a", "/sign-in?next=/needs-sign-in%3Fa%3D%250d%250a"),
    ],
)
async def test_a_browser_without_a_session_is_sent_to_sign_in_and_back(path, to, client):
    response = await client.get(path, headers=_BROWSER)

    assert (response.status_code, response.headers["location"]) == (303, to)


async def test_a_form_without_a_session_does_not_come_back_as_a_page(client):
    response = await client.post("/needs-sign-in", headers=_BROWSER)

    assert (response.status_code, response.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize(
    ("current", "to"),
    [
        ("https://interviews.example.org/candidates?q=a", "/sign-in?next=/candidates%3Fq%3Da"),
        ("https://evil.example//evil.example", "/sign-in"),
        ("javascript:alert(1)", "/sign-in"),
    ],
)
async def test_a_fragment_without_a_session_takes_the_whole_page_to_sign_in(current, to, client):
    headers = _HTMX | {"hx-current-url": current}

    response = await client.get("/needs-sign-in", headers=headers)

    assert (response.status_code, response.headers["hx-redirect"]) == (401, to)


async def test_a_program_without_a_token_is_told_which_kind(client):
    response = await client.get("/api/needs-sign-in")

    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


async def test_an_unknown_address_says_what_to_do(client):
    response = await client.get("/nothing", headers=_BROWSER)

    assert response.status_code == 404
    assert "There is nothing at this address." in response.text


async def test_a_trailing_slash_is_not_redirected(client):
    response = await client.get("/page/")

    assert response.status_code == 404


async def test_a_wrong_method_names_the_right_ones(client):
    response = await client.put("/page")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET"
    assert response.json()["detail"] == "It takes GET."


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ({}, "The request cannot be used. length minutes: field required."),
        (
            {"length_minutes": "secret"},
            (
                "The request cannot be used. length minutes: input should be a valid integer, "
                "unable to parse string as an integer."
            ),
        ),
    ],
)
async def test_an_invalid_value_is_named_in_words_and_not_repeated(body, title, client):
    response = await client.post("/api/thing", json=body)

    expected = {"title": title, "detail": "Correct it and send it again.", "status": 422}
    assert (response.status_code, response.json()) == (422, expected)


async def test_broken_json_is_an_invalid_request(client):
    headers = {"content-type": "application/json"}

    response = await client.post("/api/thing", content=b'{"a": ', headers=headers)

    assert response.status_code == 422
    assert "json decode error" in response.json()["title"].lower()


async def test_a_value_the_database_cannot_keep_is_the_senders_problem(app, client):
    @app.get("/thing")
    async def thing() -> None:
        raise DataError("SELECT 1", {}, ValueError("bigint out of range"))

    response = await client.get("/thing")

    assert response.status_code == 422
    assert "SELECT" not in response.text


@pytest.mark.parametrize("path", ["/bug", "/api/bug"])
async def test_a_bug_is_logged_under_the_number_that_is_shown(path, client, logs):
    response = await client.get(path, headers=_BROWSER)

    [line] = logs
    assert response.status_code == 500
    assert line["id"] in response.text
    assert line["to"] == f"GET {path}"
    assert isinstance(line["exc_info"], RuntimeError)
    assert "hunter2" not in response.text
    assert "Traceback" not in response.text


async def test_a_bug_in_the_problem_page_itself_is_still_answered(app, client, monkeypatch):
    monkeypatch.setattr(app.state, "templates", None)

    response = await client.get("/bug", headers=_BROWSER)

    assert response.status_code == 500
    assert "Greenroom made a mistake." in response.text


async def test_a_token_in_an_address_is_not_logged(app, client, logs):
    @app.get("/set-up/{ticket}")
    async def broken(ticket: str) -> None:
        raise RuntimeError(str(len(ticket)))

    await client.get("/set-up/very-secret")

    assert logs[0]["to"] == "GET /set-up/{ticket}"
    assert "very-secret" not in str(logs)


async def test_a_reader_who_leaves_is_no_bug(app, logs):
    async def gone():
        return {"type": "http.disconnect"}

    async def send(_message):
        pass

    await app(_scope(app, method="POST", path="/raw"), gone, send)

    assert logs == []


def test_templates_can_name_routes_files_icons_and_times(app):
    environment = app.state.templates
    template = environment.from_string(
        "{{ url('html', token='a') }} {{ asset('base.js') }} {{ asset('gone.js') }}"
        " {{ icon('check') }} {{ moment|time }}"
    )

    text = template.render(moment=datetime(2026, 1, 1, tzinfo=UTC))

    assert text.startswith("/i/a /static/base-AAAA1111.js /static/gone.js <svg ")
    assert 'aria-hidden="true"' in text
    assert text.endswith("2026, 00:00 UTC</time>")


def test_a_new_build_is_served_without_a_restart(app, tmp_path):
    asset = app.state.templates.globals["asset"]
    before = asset("base.js")
    manifest = tmp_path / "static" / "manifest.json"
    manifest.write_text(json.dumps({"base.js": "base-BBBB2222.js"}))

    assert (before, asset("base.js")) == ("/static/base-AAAA1111.js", "/static/base-BBBB2222.js")


def test_a_page_that_forgets_a_value_is_a_bug(app):
    with pytest.raises(UndefinedError):
        render.page(Request(_scope(app)), "_problem.html")


def test_our_icons_can_be_drawn(app):
    icons = app.state.templates.globals["icon"]._symbols

    assert {"check", "warning", "person", "sign-out", "refresh", "calendar"} <= set(icons)
    assert not any("style" in lines or "script" in lines for _, lines in icons.values())


@pytest.mark.parametrize(
    ("given", "banner"),
    [
        ({"public_url": "http://10.0.0.5"}, "This connection is not encrypted."),
        ({"unsigned_webhooks": "accept"}, "Webhooks without a signature are accepted."),
    ],
)
async def test_a_risky_installation_says_so_on_every_page(given, banner, app):
    render.install(app, Settings(_env_file=None, **given))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url="http://10.0.0.5"
    ) as client:
        response = await client.get("/nothing", headers=_BROWSER)

    assert banner in " ".join(response.text.split())


def _scope(app, method="GET", path="/page"):
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "scheme": "https",
        "server": ("interviews.example.org", 443),
        "client": None,
        "root_path": "",
        "app": app,
        "state": {},
    }
