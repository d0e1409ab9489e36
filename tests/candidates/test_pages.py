import re
from html import unescape

import pytest

pytestmark = pytest.mark.anyio
ADA = {
    "name": "Ada Lovelace",
    "addresses": "ada@example.org\r\nada@bücher.de",
    "role": "Engineer",
    "zone": "Europe/London",
    "locale": "en",
}
HOSTILE = "<img src=x onerror=alert(1)>\"'`{{7*7}}{%raw%}</textarea></title>"


async def add(client, **fields):
    return await client.post("/candidates", data={**ADA, **fields})


async def test_adding_leads_to_the_candidates_own_page(recruiter):
    added = await add(recruiter)
    page = await recruiter.get(added.headers["location"])

    assert added.status_code == 303
    assert "<title>Ada Lovelace" in page.text
    for value in ("Engineer", "Europe/London", "ada@example.org\nada@bücher.de"):
        assert value in page.text


async def test_a_changed_form_is_kept(recruiter):
    address = (await add(recruiter)).headers["location"]
    changed = await recruiter.post(address, data={**ADA, "name": "Ada King", "zone": ""})

    assert (changed.status_code, changed.headers["location"]) == (303, address)
    assert "Ada King" in (await recruiter.get(address)).text


async def test_a_removed_candidate_leaves_the_list(recruiter):
    address = (await add(recruiter)).headers["location"]
    removed = await recruiter.post(f"{address}/removal")

    assert (removed.status_code, removed.headers["location"]) == (303, "/candidates")
    assert "There are no candidates yet" in (await recruiter.get("/candidates")).text
    assert (await recruiter.get(address)).status_code == 404


async def test_the_list_is_searched_and_paged(recruiter):
    for number in range(52):
        await add(recruiter, name=f"Person {number:02}", addresses="")
    await add(recruiter, name="Zoë Quinn", addresses="")
    first = await recruiter.get("/candidates")
    link = unescape(re.search(r'rel="next" href="([^"]+)"', first.text)[1])
    second = await recruiter.get(link)
    found = await recruiter.get("/candidates", params={"q": "zoe"})
    nobody = await recruiter.get("/candidates", params={"q": "<b>xyz"})

    assert "Person 49" in first.text
    assert "Person 50" not in first.text
    assert "Person 50" in second.text
    assert "Zoë Quinn" in second.text
    assert "Person" not in re.sub(r"<form.*?</form>", "", found.text, flags=re.DOTALL)
    assert "Nobody found for “&lt;b&gt;xyz”" in nobody.text


async def test_what_people_wrote_is_text_on_every_page(recruiter):
    address = (await add(recruiter, name=HOSTILE, role=HOSTILE)).headers["location"]
    quoted = HOSTILE.replace('"', '""')
    file = f'name,email,role\n"{quoted}",x@example.org,<b>\n<i>,<u>,\n'
    for page in (
        await recruiter.get("/candidates"),
        await recruiter.get(address),
        await recruiter.get("/candidates", params={"q": HOSTILE}),
        await preview(recruiter, file.encode()),
    ):
        assert page.status_code == 200
        assert "&lt;img src=x" in page.text
        for tag in ("<img", '<b>"', "<i>", "<u>", "</textarea></title>"):
            assert tag not in page.text


UNUSABLE_FORMS = [
    ({"name": " "}, "There is no name."),
    ({"addresses": "nonsense"}, "“nonsense” is not an e-mail address."),
    ({"zone": "Mars"}, "“Mars” is not a time zone."),
    ({"name": "\x00"}, "There is no name."),
]


async def test_a_form_that_cannot_be_used_says_why(recruiter):
    for fields, sentence in UNUSABLE_FORMS:
        answer = await add(recruiter, **fields)

        assert answer.status_code == 422
        assert sentence in answer.text


async def test_a_viewer_sees_no_forms_that_change(viewer, recruiter):
    address = (await add(recruiter)).headers["location"]
    for path in ("/candidates", address):
        page = await viewer.get(path)
        assert page.status_code == 200
        assert 'method="post" action="/candidates' not in page.text
        assert "/candidates/import" not in page.text


CSV = b"Name,E-mail\nAda King,ada@example.org\nBob,bob@example.org\nCleo,nonsense\n"


async def preview(client, data, name="people.csv"):
    files = {"file": (name, data, "text/csv")}
    return await client.post("/candidates/import/preview", files=files)


async def test_a_file_is_shown_before_anything_is_stored_then_imported(recruiter):
    await add(recruiter)
    assert 'type="file"' in (await recruiter.get("/candidates/import")).text
    shown = await preview(recruiter, CSV)
    before = await recruiter.get("/candidates")
    data = re.search(r'name="data" value="([^"]*)"', shown.text)[1]
    report = await recruiter.post("/candidates/import", files={"data": (None, data)})
    again = await recruiter.post("/candidates/import", files={"data": (None, data)})

    assert numbers(shown) == ["1 to create", "1 to update", "0 known already", "1 left out"]
    assert "Bob" not in before.text
    assert numbers(report) == ["1 created", "1 updated", "0 known already", "1 left out"]
    assert "“nonsense” is not an e-mail address." in shown.text
    assert "“nonsense” is not an e-mail address." in report.text
    assert numbers(again) == ["0 created", "0 updated", "2 known already", "1 left out"]
    after = (await recruiter.get("/candidates")).text
    assert "Ada King" in after
    assert "Bob" in after


def numbers(page):
    return [f"{count} {what}" for count, what in re.findall(r"<b>(\d+)</b> ([a-z ]+)", page.text)]


UNUSABLE_UPLOADS = [
    ({}, 422),
    ({"file": ("", b"")}, 422),
    ({"file": (None, b"name,email")}, 422),
    ({"file": ("x.xlsx", b"PK\x03\x04")}, 422),
    ({"other": ("x.csv", CSV)}, 422),
    ({"file": ("x.csv", b"x" * 5 * 1024 * 1024 + b"x")}, 413),
]


async def test_an_upload_that_is_no_file_of_candidates_says_why(recruiter):
    for files, status in UNUSABLE_UPLOADS:
        answer = await recruiter.post("/candidates/import/preview", files=files)

        assert answer.status_code == status
        assert "<h1" in answer.text


async def test_a_form_without_the_previewed_file_is_refused(recruiter):
    for data in ["", "%%%", "é", "bmFtZQ=="]:
        answer = await recruiter.post("/candidates/import", files={"data": (None, data)})

        assert answer.status_code == 422


async def test_two_files_or_many_fields_are_refused(recruiter):
    two = [("file", ("a.csv", CSV)), ("file", ("b.csv", CSV))]
    many = [(f"x{number}", (None, "x")) for number in range(50)]

    assert (await recruiter.post("/candidates/import/preview", files=two)).status_code == 400
    assert (await recruiter.post("/candidates/import/preview", files=many)).status_code == 400
    fields = {f"x{number}": "x" for number in range(50)}
    assert (await recruiter.post("/candidates", data=fields)).status_code == 400


async def test_an_address_with_no_candidate_behind_it_says_so(recruiter):
    answers = [await recruiter.get(f"/candidates/{id_}") for id_ in ["1", "0", 2**63, "x"]]

    assert [each.status_code for each in answers] == [404, 422, 422, 422]
