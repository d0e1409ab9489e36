"""The stage for journeys: a real server, a real Cal.com simulator, a real browser."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import calcom_desk
from calcom_desk import KEY, Calcom

PASSWORD = "seven lanterns over marmalade"
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Stage:
    """Where everything is."""

    url: str
    calcom: Calcom
    data_dir: Path
    environment: dict[str, str]

    def command(self, *words: str) -> str:
        """Run a command of Greenroom on the same data directory; give what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "greenroom", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def api(self, method: str, path: str, **given: object) -> httpx2.Response:
        """Ask the JSON API as a recruiter."""
        return httpx2.request(
            method,
            f"{self.url}/api/admin/scheduling{path}",
            headers={"Authorization": f"Bearer {self.environment['TEST_TOKEN']}"},
            timeout=20,
            **given,
        )


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    place = tmp_path_factory.mktemp("stage")
    with calcom_desk.running() as calcom:
        port = _free_port()
        environment = {
            **os.environ,
            "GREENROOM_DATA_DIR": str(place),
            "GREENROOM_PUBLIC_URL": f"http://localhost:{port}",
            "GREENROOM_COMPANY": "Northpier",
        }
        log = (place / "serve.log").open("w")
        server = subprocess.Popen(
            [sys.executable, "-m", "greenroom", "serve", "--port", str(port)],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        found = Stage(f"http://localhost:{port}", calcom, place, environment)
        _wait_until_up(found.url)
        environment["TEST_TOKEN"] = found.command(
            "token", "create", "tests", "--role", "recruiter"
        ).strip()
        found.command("connect", "--api-url", calcom.api_url, "--api-key", KEY)
        yield found
        server.terminate()
        server.wait(timeout=15)
        log.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for one file: while Playwright runs, no other test of the process can be async."""
    chosen = os.environ.get("GREENROOM_TEST_CHROMIUM")
    path = chosen or next((found for name in _CHROMIUM if (found := shutil.which(name))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def signed_in(stage: Stage, browser: Browser) -> Path:
    """The cookies of the first user, who came through the set-up link that serve printed."""
    log = (stage.data_dir / "serve.log").read_text()
    link = re.search(r"http\S+/set-up/\S+", log)
    assert link, log
    context = browser.new_context()
    page = context.new_page()
    page.goto(link[0])
    page.get_by_label("Name").fill("Robin Recruiter")
    page.get_by_label(re.compile("e-?mail", re.IGNORECASE)).fill("robin@northpier.example")
    page.get_by_label(re.compile("^(New )?password", re.IGNORECASE)).first.fill(PASSWORD)
    page.get_by_role("button", name="Save and sign in").click()
    page.wait_for_url(f"{stage.url}/")
    place = stage.data_dir / "cookies.json"
    context.storage_state(path=place)
    context.close()
    return place


@pytest.fixture
def recruiter(stage: Stage, browser: Browser, signed_in: Path) -> Iterator[Page]:
    """The first user's browser, on the scheduling page."""
    context = browser.new_context(storage_state=signed_in, viewport={"width": 1360, "height": 860})
    page = context.new_page()
    page.goto(stage.url)
    yield page
    context.close()


@pytest.fixture
def candidate(browser: Browser) -> Iterator[Page]:
    """Somebody else's browser, who is signed in nowhere and sits in New York."""
    context = browser.new_context(timezone_id="America/New_York")
    yield context.new_page()
    context.close()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_up(url: str) -> None:
    for _ in range(300):
        try:
            if httpx2.get(f"{url}/readyz", timeout=2).is_success:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.1)
    message = f"{url} did not come up"
    raise AssertionError(message)
