import json
from datetime import datetime

import pytest

pytestmark = pytest.mark.anyio
HOME = "/api/admin/scheduling/candidates"
ADA = {
    "name": "Ada Lovelace",
    "addresses": ["Ada@example.org", "ada@bücher.de"],
    "role": "Engineer",
    "zone": "Asia/Calcutta",
    "locale": "en-GB",
}


async def post(client, body, path=HOME):
    headers = {"content-type": "application/json"}
    return await client.post(path, content=body, headers=headers)


async def test_a_candidate_added_is_a_candidate_read(recruiter, viewer):
    added = await recruiter.post(HOME, json=ADA)
    read = await viewer.get(added.headers["location"])

    assert added.status_code == 201
    assert read.json() == added.json()
    candidate = read.json()
    moments = candidate.pop("created_at"), candidate.pop("updated_at")
    assert all(datetime.fromisoformat(each).utcoffset() is not None for each in moments)
    assert candidate == {"id": candidate["id"], "email": "Ada@example.org", **ADA}


async def test_email_is_short_for_one_address(recruiter):
    added = await recruiter.post(HOME, json={"name": "Bob", "email": "bob@example.org"})

    assert added.json()["addresses"] == ["bob@example.org"]
    assert added.json()["role"] == ""


async def test_a_change_touches_only_what_it_names_and_null_empties(recruiter):
    id_ = (await recruiter.post(HOME, json=ADA)).json()["id"]
    changed = await recruiter.patch(f"{HOME}/{id_}", json={"role": "Countess", "zone": None})

    assert changed.status_code == 200
    assert {name: changed.json()[name] for name in ADA} == {
        **ADA,
        "role": "Countess",
        "zone": None,
    }


async def test_a_candidate_removed_is_gone(recruiter):
    id_ = (await recruiter.post(HOME, json=ADA)).json()["id"]
    removed = await recruiter.delete(f"{HOME}/{id_}")

    assert (removed.status_code, removed.content) == (204, b"")
    for gone in (
        await recruiter.get(f"{HOME}/{id_}"),
        await recruiter.patch(f"{HOME}/{id_}", json={}),
        await recruiter.delete(f"{HOME}/{id_}"),
    ):
        assert gone.status_code == 404
        assert gone.headers["content-type"] == "application/problem+json"


async def test_an_address_of_somebody_else_is_a_conflict(recruiter):
    await recruiter.post(HOME, json=ADA)
    again = await recruiter.post(HOME, json={"name": "Bob", "email": "ada@EXAMPLE.org"})

    assert again.status_code == 409
    assert again.json()["title"].startswith("ada@EXAMPLE.org is the address of another candidate")


async def test_a_list_is_paged_by_cursors(recruiter):
    for name in ("Cleo", "Ada", "Bob"):
        await recruiter.post(HOME, json={"name": name})
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await recruiter.get(HOME, params=query)).json()
        seen += [each["name"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert seen == ["Ada", "Bob", "Cleo"]
    newest = await recruiter.get(HOME, params={"order": "newest", "limit": 1})
    assert newest.json()["items"][0]["name"] == "Bob"
    found = await recruiter.get(HOME, params={"q": "cle"})
    assert [each["name"] for each in found.json()["items"]] == ["Cleo"]


UNREADABLE_QUERIES = [
    "cursor=",
    "cursor=nonsense",
    "cursor=%00",
    "cursor=%ff",
    "cursor=WyJuYW1lIiwgImFkYSIsIDkyMjMzNzIwMzY4NTQ3NzU4MDhd",
    "order=age",
    "limit=0",
    "limit=201",
    "limit=1000000000",
    "limit=" + "9" * 5_000,
    "q=" + "a" * 10_001,
]


async def test_a_query_that_cannot_be_read_is_told_so(viewer):
    answers = {query: await viewer.get(f"{HOME}?{query}") for query in UNREADABLE_QUERIES}

    assert refused(answers) == UNREADABLE_QUERIES


async def test_a_search_for_anything_is_answered(viewer):
    for q in ["%00", "%ff", "%ed%a0%80", "%25", "'", "%5C", "a" * 10_000]:
        answer = await viewer.get(f"{HOME}?q={q}")

        assert answer.status_code == 200
        assert answer.json() == {"items": [], "next": None}


UNUSABLE_IDS = ["0", "-1", "9223372036854775808", "9" * 5_000, "1.5", "x", "%00", "null"]


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_an_id_that_is_none_is_told_so(recruiter, method):
    json = {} if method == "PATCH" else None
    answers = {
        id_: await recruiter.request(method, f"{HOME}/{id_}", json=json) for id_ in UNUSABLE_IDS
    }

    assert refused(answers) == UNUSABLE_IDS


def refused(answers):
    """What was answered with 422 and a problem that says something."""
    return [
        asked
        for asked, answer in answers.items()
        if answer.status_code == 422
        and answer.headers["content-type"] == "application/problem+json"
        and answer.json()["title"]
        and answer.json()["detail"]
    ]


UNUSABLE_BODIES = [
    b"",
    b"null",
    b"[]",
    b'"Ada"',
    b"{",
    b'{"name": "A"} trailing',
    b"{}",
    b'{"name": null}',
    b'{"name": 7}',
    b'{"name": ""}',
    b'{"name": " "}',
    b'{"name": "\\ud800Ada"}',
    b'{"name": "Ada", "role": "\\udfff"}',
    b'{"name": "Ada", "zone": "\\ud800"}',
    b'{"name": "Ada", "locale": "\\ud800"}',
    b'{"name": "Ada", "email": "a\\ud800@example.org"}',
    b'{"name": "Ada", "addresses": ["a\\udc00@example.org"]}',
    b'{"name": "Ada", "\\ud800": 1}',
    b'{"name": "Ada", "email": "a\\u0000@example.org"}',
    b'{"name": "Ada", "zone": "\\u0000"}',
    b'{"name": "\\u0000"}',
    b'{"name": "Ada", "id": 7}',
    b'{"name": "Ada", "created_at": "2026-01-01T00:00:00Z"}',
    b'{"name": "Ada", "addresses": "a@example.org"}',
    b'{"name": "Ada", "addresses": [1]}',
    b'{"name": "Ada", "addresses": '
    + json.dumps([f"a{n}@x.org" for n in range(11)]).encode()
    + b"}",
    b'{"name": "Ada", "addresses": ["a@b, c@d.org"]}',
    b'{"name": "Ada", "zone": "Mars"}',
    b'{"name": "Ada", "role": 1' + b"0" * 400 + b"}",
    b'{"name": NaN}',
    b'{"name": "' + b"x" * 2_001 + b'"}',
    b'{"name": "' + b"x" * 300 + b'"}',
]


async def test_a_body_that_cannot_be_used_is_told_so_and_nothing_is_kept(recruiter):
    answers = {body: await post(recruiter, body) for body in UNUSABLE_BODIES}

    assert refused(answers) == UNUSABLE_BODIES
    assert (await recruiter.get(HOME)).json()["items"] == []


async def test_json_that_python_chokes_on_is_a_bad_request(recruiter):
    for body in [b'{"name": 1' + b"0" * 5_000 + b"}", b"[" * 100_000, b'{"name": "\xff"}']:
        assert (await post(recruiter, body)).status_code == 400


STRANGE_NAMES = {
    "Ada\u0000Lovelace": "Ada Lovelace",
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "{{7*7}}": "{{7*7}}",
    "=cmd|' /C calc'!A0": "=cmd|' /C calc'!A0",
    "\u202eAda": "Ada",
    "Null": "Null",
}


async def test_a_strange_name_is_only_a_name(recruiter):
    for name, kept in STRANGE_NAMES.items():
        added = await recruiter.post(HOME, json={"name": name})

        assert (added.status_code, added.json()["name"]) == (201, kept)


CSV = "Name;E-Mail\nAda Lovelace;ada@example.org\nBob;nonsense\n"


async def test_a_file_is_imported_and_each_row_left_out_is_explained(recruiter):
    headers = {"content-type": "text/csv"}
    first = await recruiter.post(f"{HOME}/import", content=CSV.encode("cp1252"), headers=headers)
    again = await recruiter.post(f"{HOME}/import", content=CSV.encode("utf-16"), headers=headers)

    assert first.status_code == 200
    assert first.json() == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "problems": [
            {
                "row": 3,
                "field": "e-mail",
                "what": "“nonsense” is not an e-mail address. "
                "An email address must have an @-sign.",
                "do": "Give one address per field, such as ada@example.org, and nothing else.",
            }
        ],
        "notes": [],
    }
    assert (again.json()["created"], again.json()["unchanged"]) == (0, 1)


UNUSABLE_FILES = {
    b"": 422,
    b"\x00\xff\xfe": 422,
    b"name\nAda\n": 422,
    b"PK\x03\x04": 422,
    b"name,email\n" + b"A,a@x.org\n" * 10_001: 413,
    b"name,email\n" + b"x" * 5 * 1024 * 1024: 413,
}


async def test_a_file_that_cannot_be_used_is_told_so(recruiter):
    for data, status in UNUSABLE_FILES.items():
        answer = await recruiter.post(f"{HOME}/import", content=data)

        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


WRITES = [
    ("POST", HOME),
    ("POST", f"{HOME}/import"),
    ("PATCH", f"{HOME}/1"),
    ("DELETE", f"{HOME}/1"),
    ("POST", "/candidates"),
    ("GET", "/candidates/import"),
    ("POST", "/candidates/import"),
    ("POST", "/candidates/import/preview"),
    ("POST", "/candidates/1"),
    ("POST", "/candidates/1/removal"),
]
READS = [("GET", HOME), ("GET", f"{HOME}/1"), ("GET", "/candidates"), ("GET", "/candidates/1")]


async def test_a_viewer_changes_nothing(viewer):
    answers = [await viewer.request(method, path, json=body(path)) for method, path in WRITES]

    assert [each.status_code for each in answers] == [403] * len(WRITES)


async def test_a_stranger_sees_and_changes_nothing(stranger):
    for method, path in WRITES + READS:
        answer = await stranger.request(method, path, json=body(path))

        assert answer.status_code == (401 if path.startswith("/api/") else 303)
        assert answer.headers.get("location", "/sign-in").startswith("/sign-in")


def body(path):
    return {"name": "Ada"} if path.startswith("/api/") else None


async def test_the_api_explains_itself(app):
    described = app.openapi()

    assert set(described["paths"][HOME]) == {"get", "post"}
    assert set(described["paths"][HOME + "/{candidate_id}"]) == {"get", "patch", "delete"}
    assert set(described["paths"][HOME + "/import"]) == {"post"}
    assert "text/csv" in described["paths"][HOME + "/import"]["post"]["requestBody"]["content"]
    assert not [path for path in described["paths"] if not path.startswith("/api/")]
