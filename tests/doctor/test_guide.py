"""The guide's troubleshooting and the doctor's checks belong together."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from greenroom.calcom.webhook import Refusal
from greenroom.doctor import actions as doctor
from greenroom.doctor.catalogue import CHECKS
from greenroom.doctor.model import Area

GUIDE = Path(__file__).parents[2] / "docs/how-to/connect-calcom.md"
AREAS = {Area.CALCOM, Area.WEBHOOK, Area.ADDRESS, Area.DELIVERIES, Area.WORK}
"""What the guide is about."""


def linked() -> set[str]:
    return set(re.findall(r"/health#([a-z-]+)\)", GUIDE.read_text()))


def commanded() -> set[str]:
    """The checks that the guide's commands ask for."""
    given = re.findall(r"`greenroom doctor ([^`\n]+)`", GUIDE.read_text())
    words = {word for each in given for word in each.split()}
    return {"probe" if word == "--probe" else word for word in words - {"--fix", "greenroom-probe"}}


def test_every_check_of_the_guide_exists():
    assert linked() | commanded() <= set(CHECKS)


def test_every_check_about_deliveries_is_in_the_guide_by_link_and_by_command():
    wanted = {each.id for each in CHECKS.values() if each.area in AREAS}

    assert wanted - linked() == set()
    assert wanted - commanded() == set()


def test_every_link_of_the_guide_names_the_check_it_leads_to():
    links = re.findall(r"\[([^\]]+)\]\([^)]*/health#([a-z-]+)\)", GUIDE.read_text())

    assert [name for name, anchor in links if name != anchor] == []


def test_every_reason_for_a_refusal_is_told_once_and_all_are():
    section = GUIDE.read_text().split("### Signature refused")[1].split("\n#")[0]
    told = re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)

    assert sorted(told) == sorted(Refusal)


def test_the_guide_names_no_button_of_another_name():
    """Each button says what it does; *Fix it* is on none."""
    assert "Fix it" not in GUIDE.read_text()


@pytest.mark.anyio
async def test_every_link_of_the_guide_leads_to_its_place_on_the_page(house):
    await doctor.examine(house.parts, which="all", now=datetime.now(UTC))
    page = await house.http.get("/health", headers=await house.token())

    assert page.status_code == 200
    assert [each for each in linked() if f'id="{each}"' not in page.text] == []
