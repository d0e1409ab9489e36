"""The commands as a person runs them, beside a running `serve` and without one."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from builders import delivery
from calcom_desk import KEY, Calcom
from program import Said, Served, run, serving, until

SECRET = "whsec_commands_0123456789"


@dataclass(frozen=True)
class Place:
    """A data directory, and the `serve` that runs on it, if one does."""

    data_dir: Path
    served: Served | None
    made_token: Said

    def greenroom(self, *words: str | int, **settings: str) -> Said:
        return run(*words, "--data-dir", self.data_dir, **settings)

    def get(self, path: str, **query: object) -> dict:
        return self.served.get(path, self.made_token.out.strip(), **query).json()


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("home") / "data"


@pytest.fixture(scope="module", params=["beside a running serve", "alone"])
def place(request, home) -> Iterator[Place]:
    """First with a running `serve`, then without one on what the first has left."""
    with ExitStack() as stack:
        served = stack.enter_context(serving(home)) if "serve" in request.param else None
        yield Place(home, served, run("token", "create", "tests", "--data-dir", home))


def is_told(said: Said, what: str, do: str) -> bool:
    """Whether the command failed with these two sentences, and nothing else."""
    first, second = said.problem
    return said.code == 1 and said.out == "" and what in first and do in second


def test_token_create_prints_the_token_alone_and_it_works(place):
    said = place.made_token

    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("grt_")
    assert len(said.out.split()) == 1
    if place.served:
        path = "/api/admin/scheduling/interviews"
        assert place.served.get(path, said.out.strip()).status_code == 200
        assert place.served.get(path, "grt_wrong").status_code == 401


def test_people_are_added_disabled_and_listed(place):
    address = "serve@example.org" if place.served else "alone@example.org"
    added = place.greenroom("user", "add", address, "--name", "Grace", "--role", "viewer")
    link = added.out.split()[-1]
    if place.served:
        assert place.served.http.get(link).status_code == 200
    disabled = place.greenroom("user", "disable", address)
    listed = place.greenroom("user", "list")

    assert (added.code, added.err) == (0, "")
    assert added.out.startswith(f"Hand this link to {address}; it works once:\nhttp://localhost:")
    assert disabled == Said(0, f"{address} can no longer sign in.\n", "")
    assert f"{address}\tGrace\tviewer\tdisabled" in listed.out.splitlines()
    if place.served:
        assert place.served.http.get(link).status_code == 404


def test_a_connection_that_only_listens_takes_in_what_is_signed_with_its_secret(place):
    said = place.greenroom("connect", "--name", "Listener", "--webhook-secret", SECRET)

    assert (said.code, said.err) == (0, "")
    assert "Without an API key it only listens to webhooks" in said.out
    assert SECRET not in said.out
    if place.served:
        assert place.served.deliver(delivery(uid="signed"), SECRET).status_code == 200
        assert place.served.deliver(delivery(uid="signed"), SECRET + "!").status_code == 401
        assert f"Webhook address: {place.served.url}/api/admin" in said.out


def test_a_delivery_is_taken_in_again(place):
    said = place.greenroom("replay", 1)

    assert (said.code, said.err) == (0, "")
    took_in, outcome = said.out.splitlines()
    assert took_in == "Took in 1 of 1 deliveries again."
    assert outcome.startswith("1: done: ")


def test_all_that_failed_are_taken_in_again(place):
    said = place.greenroom("replay", "--failed")

    assert (said.code, said.err) == (0, "")
    assert said.out == "Took in 0 deliveries again.\n"


def test_connect_with_a_key_reads_event_types_and_makes_the_webhook(place, calcom: Calcom):
    words = ("connect", "--name", "Studio", "--api-url", calcom.api_url)
    said = place.greenroom(*words, "--api-key", KEY)

    assert (said.code, said.err) == (0, "")
    assert "Event types: 6." in said.out
    assert "Webhook: Made at Cal.com." in said.out
    (hook,) = calcom.http.get(f"{calcom.url}/control/api/webhooks").json()
    assert f"Webhook address: {hook['subscriberUrl']}\n" in said.out
    if place.served:
        assert hook["subscriberUrl"].startswith(place.served.url)
        uid = calcom.book()["uid"]
        until(lambda: place.get(f"/api/admin/scheduling/bookings/{uid}")["status"] == "confirmed")


def test_connecting_again_checks_with_the_key_that_is_kept(place):
    said = place.greenroom("connect", "--name", "Studio")

    assert (said.code, said.err) == (0, "")
    assert "Event types: 6." in said.out
    assert "Webhook: There already, and in order." in said.out


def test_the_check_can_be_skipped_while_calcom_is_away(place):
    words = ("connect", "--name", "Later", "--api-url", "http://127.0.0.1:1/v2", "--api-key", KEY)
    said = place.greenroom(*words, "--skip-check")

    assert (said.code, said.err) == (0, "")
    assert "Connected “Later” (http://127.0.0.1:1/v2)." in said.out
    assert "Not checked: whether Cal.com takes the API key" in said.out
    assert "Event types" not in said.out


def test_a_known_connection_keeps_its_address_so_that_no_stranger_gets_its_key(place):
    kept = place.greenroom("connect", "--name", "Later", "--api-key", KEY)
    set_ = place.greenroom(
        *("connect", "--name", "Later", "--api-key", KEY),
        GREENROOM_CALCOM_API_URL="http://127.0.0.1:2/v2",
    )

    assert kept.problem[0].startswith("Cal.com at http://127.0.0.1:1/v2 did not answer")
    assert set_.problem[0].startswith("Cal.com at http://127.0.0.1:2/v2 did not answer")
    for said in (kept, set_):
        assert said.problem[1].startswith("Nothing was kept.")
        assert "tries again" not in said.err


def test_reconcile_takes_in_what_no_webhook_told_and_says_who_did_not_answer(place, calcom: Calcom):
    calcom.control("reset", seed=2 if place.served else 3)
    calcom.control("webhooks", enabled=False)
    uid = calcom.book(email="silent@example.org")["uid"]
    said = place.greenroom("reconcile")

    assert said.code == 1
    assert said.out.startswith("Studio: 1 answers about bookings in ")
    assert said.problem[0].startswith("Later: Cal.com at http://127.0.0.1:1/v2 did not answer")
    assert said.problem[1:] == ["What was known stays as it is."]
    if place.served:
        assert place.get(f"/api/admin/scheduling/bookings/{uid}")["status"] == "confirmed"
    else:
        assert said.out.endswith("1 changed. Deliveries: 1 lost.\n")


def test_migrate_says_that_the_database_is_up_to_date(place):
    assert place.greenroom("migrate") == Said(0, "The database is up to date.\n", "")


def test_simulate_explains_its_own_options():
    said = run("simulate", "--help")

    assert (said.code, said.err) == (0, "")
    assert "--state FILE" in said.out


# What can be wrong


@pytest.mark.parametrize(
    ("words", "what", "do"),
    [
        ("reconcile", "no connection with an API key", "greenroom connect --api-key"),
        ("user disable nobody@example.org", "Nobody has this address.", "greenroom user list"),
        ("replay 999", "There is no delivery 999.", "list of deliveries"),
        ("replay", "It is not said which deliveries to take in again.", "--failed"),
        ("replay 1 --failed", "It is one or the other", "Leave out"),
        ("explain 999", "There is no interview 999.", "address of its page"),
        ("explain Ada_Byron", "is known as Ada_Byron.", "a candidate's address"),
        ("explain /", "It is not said which interview.", "a booking's uid"),
        ("connect --api-key cal_wrong --api-url {calcom}", "key", ""),
    ],
)
def test_what_is_not_there_is_said(tmp_path, database_url, calcom, words, what, do):
    words = words.format(calcom=calcom.api_url).split()
    said = run(*words, cwd=tmp_path, GREENROOM_DATABASE_URL=database_url)

    assert is_told(said, what, do)
    assert "cal_wrong" not in said.err


@pytest.mark.parametrize(
    "words",
    [
        *("explain 1", "replay 1", "reconcile", "token create x"),
        *("user list", "user disable ada@example.org"),
    ],
)
def test_a_command_about_what_is_there_makes_nothing_where_nothing_is(tmp_path, words):
    said = run(*words.split(), cwd=tmp_path)

    assert is_told(said, "There is no Greenroom data in ./greenroom-data.", "--data-dir")
    assert list(tmp_path.iterdir()) == []


def test_secrets_sealed_with_another_key_are_said_before_anything_is_served(home):
    said = run("serve", "--port", 0, "--data-dir", home, GREENROOM_SECRET_KEY="k" * 32)

    assert is_told(said, "another GREENROOM_SECRET_KEY", "secret.key")


def test_a_short_key_protects_nothing(tmp_path, database_url):
    external = {"GREENROOM_DATABASE_URL": database_url.replace("postgresql://", "postgres://")}
    said = run("user", "list", cwd=tmp_path, GREENROOM_SECRET_KEY="short", **external)

    assert is_told(said, "GREENROOM_SECRET_KEY is too short", "openssl rand")


def test_a_port_that_is_taken_is_said_before_anything_is_made(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = run("serve", "--port", port, "--data-dir", tmp_path / "new")

    assert is_told(said, f"Port {port} on 127.0.0.1 cannot be used", "--port")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_cannot_be_reached_is_said(tmp_path):
    url = "postgresql://greenroom@127.0.0.1:1/greenroom"
    said = run("serve", "--port", 0, "--data-dir", tmp_path, GREENROOM_DATABASE_URL=url)

    assert is_told(said, "The database did not answer", "PostgreSQL")


def test_every_setting_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / ".env").write_text("GREENROOM_LOG_LEVEL=loud\n")
    said = run(
        "user",
        "list",
        cwd=tmp_path,
        GREENROOM_PUBLIC_URL="interviews.example.org",
        GREENROOM_SESSION_DAYS="0",
        GREENROOM_DATABASE_URL="mysql://localhost/greenroom",
        CAL_COM_API_URL="cal.example.org",
    )

    assert is_told(said, "The settings cannot be used.", "Mend the variable")
    for name in ("PUBLIC_URL", "SESSION_DAYS", "DATABASE_URL", "LOG_LEVEL", "CALCOM_API_URL"):
        assert f" GREENROOM_{name}: " in said.problem[0]


def test_unsigned_webhooks_are_not_for_a_public_address(tmp_path):
    said = run(
        "serve",
        cwd=tmp_path,
        GREENROOM_UNSIGNED_WEBHOOKS="accept",
        GREENROOM_PUBLIC_URL="https://interviews.example.org",
    )

    assert is_told(said, "GREENROOM_UNSIGNED_WEBHOOKS=accept is for local trials", "Mend")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("database", ["embedded", "external"])
def test_a_data_directory_that_cannot_be_used_is_said(tmp_path, database, postgres):
    (tmp_path / "file").write_text("not a directory")
    external = {"GREENROOM_DATABASE_URL": postgres} if database == "external" else {}
    said = run("serve", "--port", 0, "--data-dir", tmp_path / "file", **external)

    assert is_told(said, str(tmp_path / "file"), "GREENROOM_DATA_DIR")
