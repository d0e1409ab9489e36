"""The documentation says what the code does: names, options, routes, words, links and examples."""

import ast
import asyncio
import json
import re
import shutil
import socket
import subprocess
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import anyio
import httpx2
import pytest
import structlog
import typer.main
import uvicorn

from calcom_simulator import __main__ as simulator
from greenroom import jobs, parts, settings
from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.app import create_app
from greenroom.bookings import match
from greenroom.bookings import model as bookings
from greenroom.calcom import connections, webhook
from greenroom.candidates import actions as candidates
from greenroom.candidates.model import Draft
from greenroom.cli import cli
from greenroom.deliveries import actions as deliveries
from greenroom.event_types import actions as event_types
from greenroom.event_types.model import Offer
from greenroom.interviews import actions as interviews
from greenroom.interviews import model, sending
from greenroom.mail import model as mail
from greenroom.parts import Parts
from greenroom.settings import Settings

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GUIDE = DOCS / "how-to" / "connect-calcom.md"
IMAGES = {
    "scheduling.png",
    "candidate.png",
    "connect-connections.png",
    "connect-deliveries.png",
    "connect-health.png",
    "connect-timeline.png",
}
"""What tests/journeys photographs: in a fresh checkout they may not be there yet."""
VARIABLES_OF_OTHERS = {"GREENROOM_TEST_CHROMIUM", "GREENROOM_DATABASE_PASSWORD"}
"""Read by the Makefile and by docker-compose.yml, not by Greenroom."""

FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
TESTED = re.compile(r"^<!-- tested -->\n```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)


def tracked() -> list[Path]:
    """Every file of the project: git's, and new ones that it would take. Everything in an sdist."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    if listing.returncode:
        made = {".venv", "node_modules", "static", "__pycache__", "dist"}
        every = (path for path in ROOT.rglob("*") if path.is_file())
        return [path for path in every if not made & set(path.relative_to(ROOT).parts)]
    found = (ROOT / name for name in listing.stdout.split("\0") if name)
    return [path for path in found if path.is_file()]


TRACKED = tracked()
PAGES = [path for path in TRACKED if path.suffix == ".md"]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(page: str) -> str:
    return (DOCS / page).read_text()


def sections(page: str) -> dict[str, str]:
    """What stands under each heading."""
    _, *found = re.split(r"^## (.+)\n", text_of(page), flags=re.MULTILINE)
    return dict(zip(found[::2], found[1::2], strict=True))


def one_line(text: str) -> str:
    return " ".join(text.split())


def sentence(docstring: str) -> str:
    first = re.match(r".+?[.:](?=\s|$)", one_line(docstring))
    assert first, docstring
    return first[0]


def first_cells(text: str) -> dict[str, str]:
    """The rows of tables, by what stands in backticks in their first cell."""
    return {
        name: line
        for line in text.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([^`]+)`", line.split("|")[1])
    }


# Settings


def explained_settings() -> dict[str, str]:
    """The docstring under each field of Settings."""
    tree = ast.parse((ROOT / "src/greenroom/settings.py").read_text())
    classes = {each.name: each.body for each in tree.body if isinstance(each, ast.ClassDef)}
    return {
        field.target.id: said.value.value
        for field, said in pairwise(classes["Settings"])
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
    }


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_section_with_its_docstring_and_default(name):
    said = one_line(sections("reference/settings.md")[f"GREENROOM_{name.upper()}"])

    assert sentence(explained_settings()[name]) in said
    default = Settings.model_fields[name].default
    shown = "unset" if default is None else f"`{str(default).removesuffix('/')}`"
    assert f"Default: {shown}" in said


def test_every_other_name_of_a_setting_is_told():
    page = text_of("reference/settings.md")
    for field in Settings.model_fields.values():
        for alias in getattr(field.validation_alias, "choices", ()):
            assert f"`{alias}`" in page or f"## {alias}" in page


def test_settings_that_are_gone_are_not_described():
    described = {each for each in sections("reference/settings.md") if each.startswith("GREEN")}

    assert described == {f"GREENROOM_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize(
    "path",
    [each for each in TRACKED if each.suffix in {".md", ".yml"} or each.name == "Dockerfile"],
    ids=name_of,
)
def test_every_variable_that_is_mentioned_is_a_setting(path):
    known = {f"GREENROOM_{name.upper()}" for name in Settings.model_fields} | VARIABLES_OF_OTHERS

    assert set(re.findall(r"GREENROOM_[A-Z_]+[A-Z]", path.read_text())) <= known


# Commands


def commands(group=None, before="greenroom") -> dict[str, object]:
    group = group or typer.main.get_command(cli)
    found = {}
    for name, command in group.commands.items():
        path = f"{before} {name}"
        found |= commands(command, path) if hasattr(command, "commands") else {path: command}
    return found


COMMANDS = commands()


def words_of(command) -> set[str]:
    """Options and arguments as people type them."""
    if command.name == "simulate":
        parser = simulator._parser()
        return {each.option_strings[-1] for each in parser._actions} - {"--help"}
    return {
        parameter.opts[0]
        if parameter.opts[0].startswith("--")
        else (parameter.metavar or parameter.name).upper()
        for parameter in command.params
        if parameter.name != "help"
    }


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_a_section_with_its_help_and_options(path):
    said = sections("reference/commands.md")[path]

    assert one_line(COMMANDS[path].help) in one_line(said)
    assert set(first_cells(said)) == words_of(COMMANDS[path])


def test_commands_that_are_gone_are_not_described():
    assert set(sections("reference/commands.md")) == set(COMMANDS)


def code_in(page: Path) -> str:
    """What a page shows as code, in lines and in blocks."""
    text = page.read_text()
    return "\n".join([*re.findall(r"`([^`\n]+)`", FENCE.sub("", text)), *FENCE.findall(text)])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_that_is_mentioned_exists(page):
    groups = {path.split()[1] for path in COMMANDS if path.count(" ") > 1}
    for line in re.findall(r"(?:^|[/ ])greenroom ([a-z].*)", code_in(page), re.MULTILINE):
        words = re.split(r"[#|>]", line)[0].split()
        path = " ".join(["greenroom", *words[: 2 if words[0] in groups else 1]])
        options = {word.split("=")[0] for word in words if word.startswith("--")}

        assert path in COMMANDS
        assert options <= words_of(COMMANDS[path]) | {"--help"}


def test_every_option_that_the_guide_names_for_connecting_exists():
    connecting = GUIDE.read_text().partition("## 2. Connect")[2].partition("## 3.")[0]
    named = {words.split()[0] for words in re.findall(r"`(--[^`]+)`", connecting)}

    assert named
    assert named <= words_of(COMMANDS["greenroom connect"])


def test_every_button_that_the_guide_names_is_on_a_page():
    # Bold is ours, but for what begins an entry of a list; italic is Cal.com's.
    prose = re.sub(r"^- \*\*[^*]+\*\*", "", GUIDE.read_text(), flags=re.MULTILINE)
    named = {one_line(each) for each in re.findall(r"\*\*([^*]+)\*\*", prose)}
    templates = (ROOT / "src/greenroom/web/templates").rglob("*.html")
    pages = "\n".join(each.read_text() for each in templates)
    states = {each.label for each in model.Status}

    assert len(named) > 10
    assert {each for each in named - states if each not in pages} == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_word_that_is_mentioned_exists(page):
    known = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"^make ([a-z]+)", code_in(page), re.MULTILINE)) <= known


def test_the_containers_run_commands_that_exist():
    lines = [(ROOT / name).read_text() for name in ("Dockerfile", "docker-compose.yml")]
    runs = re.findall(r"(?:^CMD |command: )(\[.+\])", "\n".join(lines), re.MULTILINE)

    assert len(runs) == 3
    for words in map(json.loads, runs):
        options = {word for word in words[1:] if word.startswith("--")}
        assert options <= words_of(COMMANDS[f"greenroom {words[0]}"])


# The JSON API


def routes(among: list[object]) -> Iterator[str]:
    """Method and path of every route under /api, those that OpenAPI leaves out too."""
    for each in among:
        if (included := getattr(each, "original_router", None)) is not None:
            yield from routes(included.routes)
        elif getattr(each, "path", "").startswith("/api/"):
            yield from (f"{method} {each.path}" for method in each.methods - {"HEAD"})


def test_every_route_of_the_api_is_listed_and_no_other():
    listed = re.findall(r"^\| `([A-Z]+ /api/[^`]*)`", text_of("reference/api.md"), re.MULTILINE)

    assert sorted(listed) == sorted(routes(create_app(settings.load(), None).routes))


# Words


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("Interviews", {each.value: each.label for each in model.Status}),
        ("Needs attention", {each.value: each.label for each in model.Attention}),
        ("Bookings", {each.value: "" for each in bookings.Status} | {"moved": ""}),
        ("Bookings", {each.value: "" for each in bookings.Outcome}),
        ("Bookings", {each.value: "" for each in match.Rung}),
        ("Deliveries", {each.value: "" for each in deliveries.State}),
        ("Deliveries", {each.value: "" for each in webhook.Refusal}),
        ("Letters", {each.value: each.label for each in mail.State}),
        ("People and tokens", {each.value: each.label for each in Role}),
    ],
)
def test_every_word_is_explained_with_what_it_reads(heading, words):
    explained = first_cells(sections("reference/statuses.md")[heading])

    for value, label in words.items():
        assert label in explained[value]


def test_every_reason_for_a_refusal_has_its_fix_in_the_guide():
    assert set(first_cells(GUIDE.read_text())) >= {each.value for each in webhook.Refusal}


def test_every_guarantee_names_tests_that_exist():
    named = re.findall(r"(tests/[\w/]+\.py)::(test_\w+)", text_of("reference/guarantees.md"))

    assert len(named) > 50
    for file, name in named:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), name


def test_every_scenario_of_the_guarantees_has_its_line():
    page = text_of("reference/guarantees.md")
    codes = re.findall(r"^\| ([AB\d, ]+) \|", page, re.MULTILINE)
    listed = {code for cell in codes for code in cell.split(", ")}

    assert listed == {*(f"A{n}" for n in range(1, 19)), *(f"B{n}" for n in range(1, 25))}


# Links, pages and files


def targets(page: Path) -> list[str]:
    prose = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text()))
    return [each for each in LINK.findall(prose) if not each.startswith(("http", "mailto:"))]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    plain = (re.sub(r"[`*\[\]]|\([^)]*\)(?=$)", "", each).strip().lower() for each in headings)
    return {re.sub(r"[^\w\- ]", "", each).replace(" ", "-") for each in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    for target in targets(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if there.parent == DOCS / "images":
            assert there.name in IMAGES
            continue
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


@pytest.mark.parametrize("path", [DOCS / "README.md", DOCS / "decisions" / "README.md"])
def test_every_page_is_listed(path):
    listed = {(path.parent / each.split("#")[0]).resolve() for each in targets(path)}

    below = path.parent.rglob("*.md") if path.parent == DOCS else path.parent.glob("*.md")
    pages = {each for each in below if each != path}
    if path.parent == DOCS:
        pages = {each for each in pages if each.parent.name != "decisions"}
    assert pages <= listed


def test_every_page_that_the_code_names_exists():
    places = [each for each in TRACKED if each.suffix in {".py", ".toml", ".html", ".yml", ".mjs"}]
    named = {
        page
        for path in (*places, ROOT / "Makefile", ROOT / "Dockerfile")
        for page in re.findall(r"docs/[\w/-]+\.md", path.read_text())
    }

    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []


def test_every_decision_has_the_same_four_parts():
    for page in DOCS.glob("decisions/0*.md"):
        headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "Alternatives"], page.name


def test_every_dependency_has_a_line_that_says_why():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    browser = json.loads((ROOT / "frontend" / "package.json").read_text())
    wanted = [
        *project["project"]["dependencies"],
        *project["build-system"]["requires"],
        *project["dependency-groups"]["dev"],
    ]
    names = {re.match(r"[\w.-]+", each)[0] for each in wanted}
    names |= {*browser["dependencies"], *browser["devDependencies"]}

    assert set(first_cells(text_of("decisions/0003-dependencies.md"))) == names


# Built from pieces, so that this file does not hold what it looks for.
HOSTS = [
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("debian", "org"),
        ("unpkg", "com"),
        ("jsdelivr", "net"),
    )
]
FOLDERS = "|".join(("wo" + "rk", "ro" + "ot", "t" + "mp"))
PLACES = re.compile(rf"(?<![\w.~/-])/(?:{FOLDERS})/(?=\w)")


def test_no_file_names_a_registry_or_a_place_on_somebodys_machine():
    found = []
    for path in TRACKED:
        text = path.read_bytes().decode("utf-8", "replace")
        found += [(name_of(path), host) for host in HOSTS if host in text]
        found += [(name_of(path), place) for place in PLACES.findall(text)]

    assert found == []


# Examples that are run

SECRET = "the-secret-that-connect-printed"


@asynccontextmanager
async def running(database_url: str) -> AsyncIterator[tuple[str, Parts]]:
    """A Greenroom on a port of its own, with an account that listens to webhooks."""
    listener = socket.create_server(("127.0.0.1", 0))
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    chosen = settings.load(public_url=origin, secret_key="thirty-two characters of a secret")
    async with jobs.opened(database_url), parts.opened(chosen, database_url) as greenroom:
        config = uvicorn.Config(create_app(chosen, greenroom), log_config=None, access_log=False)
        server = uvicorn.Server(config)
        server.capture_signals = suppress  # pytest keeps its own
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        intake = asyncio.create_task(greenroom.intake.run())
        try:
            await _connect(greenroom)
            yield origin, greenroom
        finally:
            server.should_exit = True
            await serving
            intake.cancel()


async def _connect(greenroom: Parts) -> None:
    async with greenroom.database.transaction() as tx:
        connection, _ = await connections.connect(
            tx,
            greenroom.seal,
            name="Cal.com",
            api_url="https://api.cal.com/v2",
            api_key=None,
            secret=SECRET,
            now=datetime.now(UTC),
        )
        offer = Offer(
            calcom_id=None,
            slug="intro-call",
            title="Intro call",
            length_minutes=30,
            booking_url="https://cal.example/mara/intro-call",
        )
        await event_types.enter(tx, connection.id, offer)


async def shell(script: str, place: Path) -> list[dict[str, object]]:
    """Run the lines of an example; give the JSON it printed."""
    done = await anyio.run_process(["bash", "-euo", "pipefail", "-c", script], cwd=place)
    decoder, left, found = json.JSONDecoder(), done.stdout.decode().strip(), []
    while left:
        value, end = decoder.raw_decode(left)
        found.append(value)
        left = left[end:].strip()
    return found


needs_tools = pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "openssl", "sed"))),
    reason="the examples are for a shell with curl and openssl",
)


@needs_tools
@pytest.mark.anyio
async def test_the_delivery_of_the_guide_turns_the_dot_green(database_url, tmp_path):
    lines = "\n".join(TESTED.findall(GUIDE.read_text()))
    assert SECRET in lines
    async with running(database_url) as (origin, greenroom):
        script = lines.replace("http://localhost:8000", origin)
        interview_id = await _pending(greenroom)

        first = await shell(script, tmp_path)
        again = await shell(script, tmp_path)
        wrong = await shell(script.replace(SECRET, "another-secret-altogether"), tmp_path)
        with structlog.testing.capture_logs() as log:
            await deliveries.drain(greenroom.database, now=datetime.now(UTC))

        assert first == [{"status": "received", "delivery": "1"}]
        assert again == [{"status": "duplicate", "delivery": "1"}]
        assert wrong[0]["title"] == webhook.Refusal.WRONG.what
        async with greenroom.database.transaction() as tx:
            interview = await interviews.get(tx, interview_id)
        assert interview.status is model.Status.CONFIRMED
        assert [each["event"] for each in log] == [
            "Updated booking id:123456 status to confirmed",
            "Received Cal.com webhook",
        ]
        for each in log:
            assert each["event"] in GUIDE.read_text()


async def _pending(greenroom: Parts) -> int:
    now = datetime.now(UTC)
    draft = Draft(name="Candidate Example", addresses=("candidate@example.com",))
    async with greenroom.database.transaction() as tx:
        candidate = await candidates.add(tx, draft, now)
        event_type = (await event_types.offered(tx))[0]
        sent = await sending.send(tx, [candidate.id], event_type.id, by="Robin", now=now)
    return sent.interview_ids[0]


@pytest.mark.anyio
async def test_every_address_of_the_api_that_only_reads_answers(database_url):
    async with running(database_url) as (origin, greenroom):
        body = b'{"triggerEvent":"PING","payload":{}}'
        await greenroom.intake.keep(1, body, datetime.now(UTC))
        async with greenroom.database.transaction() as tx:
            token = await accounts.create_token(tx, "docs", Role.VIEWER, datetime.now(UTC))
        listed = routes(create_app(greenroom.settings, greenroom).routes)
        paths = [each[4:] for each in listed if each.startswith("GET") and "{" not in each]
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}

        async with httpx2.AsyncClient(base_url=origin, headers=headers) as client:
            answered = {path: (await client.get(path)).status_code for path in paths}

        assert answered == dict.fromkeys(paths, 200)


@needs_tools
@pytest.mark.anyio
async def test_the_examples_of_the_api_work_in_their_order(database_url, tmp_path):
    lines = "\n".join(TESTED.findall((DOCS / "how-to" / "use-the-api.md").read_text()))
    async with running(database_url) as (origin, greenroom):
        async with greenroom.database.transaction() as tx:
            token = await accounts.create_token(tx, "docs", Role.RECRUITER, datetime.now(UTC))
        variables = f"url={origin}/api/admin/scheduling\ntoken={token}\n"

        added, types, sent, found, imported = await shell(variables + lines, tmp_path)

        assert added["name"] == "Ada Byron"
        assert [each["title"] for each in types["items"]] == ["Intro call"]
        assert [each["status"] for each in sent["created"]] == ["pending"]
        assert [each["candidate"]["id"] for each in found["items"]] == [added["id"]]
        assert (imported["created"], imported["problems"]) == (1, [])
