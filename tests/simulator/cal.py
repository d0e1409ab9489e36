"""A simulator in this process, its receiver, and hands to use both."""

import html
import re
from urllib.parse import parse_qsl, urlsplit

import httpx2

from calcom_simulator import sample
from calcom_simulator.app import create_app
from calcom_simulator.editions import HOSTED
from calcom_simulator.world import World
from simulator.receiver import Receiver

SECRET = "whsec_test"
KEY = {"authorization": f"Bearer {sample.KEY}"}
BOOKINGS = {"cal-api-version": "2024-08-13"}
_SLOT = re.compile(r'href="([^"]*slot=[^"]*)"')
_FIELD = re.compile(r"<(?:input|textarea|select)\b[^>]*>")


class Cal:
    """`async with Cal(now) as cal`: the world, `api` calls, and a visitor's browser."""

    def __init__(self, now, *, edition=HOSTED, furnish=sample.furnish, subscribe=True):
        self.receiver = Receiver()
        self._subscribe = subscribe
        self.world = World(
            clock=lambda: now, edition=edition, furnish=furnish, public_url="http://localhost:3000"
        )
        app = create_app(self.world, httpx2.ASGITransport(self.receiver))
        self.browser = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app, raise_app_exceptions=True),
            base_url="http://cal",
            follow_redirects=True,
        )

    async def __aenter__(self):
        if self._subscribe:
            sample.subscribe(self.world, "http://receiver/main", SECRET)
        return self

    async def __aexit__(self, *_):
        await self.browser.aclose()

    async def call(self, method, path, body=None, *, key=True, version="2024-08-13"):
        """One API request, by default with Mara's key and the version for bookings."""
        headers = (KEY if key else {}) | ({"cal-api-version": version} if version else {})
        return await self.browser.request(method, f"/v2{path}", headers=headers, json=body)

    async def data(self, method, path, body=None, **how):
        """The same, and only the `data` of a good answer."""
        answer = await self.call(method, path, body, **how)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    async def book(self, kind=2, start="2026-11-25T09:00:00Z", name="Ada", **more):
        """Book through the API, as nobody in particular."""
        email = f"{name.lower()}@client.example"
        attendee = {"name": name, "email": email, "timeZone": "Europe/Berlin"}
        body = {"eventTypeId": kind, "start": start, "attendee": attendee} | more
        return await self.data("POST", "/bookings", body, key=False)

    async def book_many(self, number):
        """So many bookings by different people, an hour from one to the next."""
        for turn in range(number):
            day, hour = divmod(turn, 8)
            await self.book(start=f"2026-11-{24 + day}T{8 + hour:02}:00:00Z", name=f"P{turn}")

    async def control(self, path, body=None):
        """A switch of the control API."""
        method = "GET" if body is None else "POST"
        answer = await self.browser.request(method, f"/control/api/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def visit(self, address, *, start=None, number=0, **answers):
        """Open a booking page, choose a time (or the `number`-th one shown), send the form."""
        times = await self.browser.get(address)
        if times.status_code != 200:
            return times
        free = [html.unescape(link) for link in _SLOT.findall(times.text)]
        if start is None:
            chosen = free[number]
        else:
            chosen = next(link for link in free if dict(_query(link))["slot"] == start)
        details = await self.browser.get(chosen)
        return await self.browser.post(
            urlsplit(chosen).path, data=_filled_in(details.text) | answers
        )

    async def submit(self, path, **fields):
        """Press a button."""
        return await self.browser.post(path, data=fields)


def _query(link):
    return parse_qsl(urlsplit(link).query)


def _filled_in(page):
    found = {}
    for tag in _FIELD.findall(page):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        box = attributes.get("type") in {"checkbox", "radio"} and " checked" not in tag
        if "name" in attributes and not box:
            found[html.unescape(attributes["name"])] = html.unescape(attributes.get("value", ""))
    return found
