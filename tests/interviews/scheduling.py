"""What tests of the pages do and read, in words."""

import re
from datetime import UTC, datetime, timedelta

from builders import delivery
from greenroom.interviews import actions as interviews

DAY = timedelta(days=1)


def now():
    return datetime.now(UTC)


def iso(moment):
    return moment.isoformat().replace("+00:00", "Z")


async def book(world, row, **more):
    """Cal.com says that the candidate of `row` has booked tomorrow."""
    starts = (now() + DAY).replace(minute=0, second=0, microsecond=0)
    given = {"startTime": iso(starts), "endTime": iso(starts + timedelta(minutes=30))} | more
    body = delivery(metadata={"greenroom": row.link.token}, **given)
    (id_,) = await world.deliver(body, at=now())
    return id_, starts


async def revoke(world, row):
    async with world.database.transaction() as tx:
        await interviews.revoke(tx, row.id, by="Robin", now=now())


async def page(house, path, headers, status=200, **more):
    answer = await house.http.get(path, headers={**headers, **more})
    assert answer.status_code == status, answer.text
    return answer.text


def rows(html):
    return re.findall(r'<li class="row" id="interview-(\d+)" data-status="(\w+)"', html)


def counts(html):
    found = re.findall(r'id="tab-(\w+)".*?<span class="count"[^>]*>(\d+)</span>', html, re.DOTALL)
    return {tab: int(count) for tab, count in found}
