"""Sending webhooks as Cal.com does: signed over the exact bytes, once, waiting for the answer.

`Postman.carry_out` runs a verb of the world and sends what it announces where it announces
it, so a delivery arrives before the call that caused it returns, and before or after the
change is committed, as recorded. Everything that may befall a delivery on its way is
decided in one place, `Postman._send`.
"""

import asyncio
import hashlib
import hmac
import html
import json
import re
import time
from typing import TypeVar

import httpx2

from calcom_simulator.model import JSON, Announcement, Delivery, Happening, Webhook
from calcom_simulator.moments import js
from calcom_simulator.world import World

NO_SECRET = "no-secret-provided"  # noqa: S105 - what the header says when there is none
TIMEOUT_SECONDS = 10.0
_KEPT_CHARACTERS = 200
_KEPT_DELIVERIES = 5_000
_NODE_HEADERS = {
    "accept": "*/*",
    "accept-language": "*",
    "sec-fetch-mode": "cors",
    "user-agent": "node",
    "accept-encoding": "gzip, deflate",
}
_T = TypeVar("_T")


def signature(body: bytes, secret: str | None) -> str:
    """X-Cal-Signature-256: lower-case hex of HMAC-SHA256, or the words that say there is none."""
    if not secret:
        return NO_SECRET
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def body_of(announcement: Announcement, webhook: Webhook, created_at: str) -> tuple[bytes, str]:
    """The bytes for one subscription, and their content type.

    Flat bodies know neither template nor time of sending.
    """
    told = announcement.payload
    if announcement.flat:
        return stringify({"triggerEvent": announcement.trigger, **told}), "application/json"
    envelope = {"triggerEvent": announcement.trigger, "createdAt": created_at}
    if webhook.template is None:
        return stringify(envelope | {"payload": told}), "application/json"
    rendered = _render(webhook.template, told | envelope)
    if not _is_json(webhook.template):
        return rendered.encode(), "application/x-www-form-urlencoded"
    # A quote inside a value breaks the JSON; Cal.com then sends the word `false`.
    return stringify(json.loads(rendered) if _is_json(rendered) else False), "application/json"


def stringify(value: object) -> bytes:
    """As JSON.stringify: no spaces, no escapes for letters."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Postman:
    """Carries announcements to the subscriptions of one world, and remembers each delivery."""

    def __init__(self, world: World, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._world = world
        self._client = httpx2.AsyncClient(
            timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False, transport=transport
        )

    async def close(self) -> None:
        """Let go of open connections."""
        await self._client.aclose()

    async def carry_out(self, happening: Happening[_T]) -> _T:
        """Run a verb to its end, sending what it announces on the way."""
        while True:
            try:
                announcement = next(happening)
            except StopIteration as done:
                result: _T = done.value
                return result
            await self.announce(announcement)

    async def announce(self, announcement: Announcement) -> None:
        """Tell every matching subscription at once, and wait until all have answered."""
        webhooks = self._world.subscriptions(
            announcement.trigger, announcement.user_id, announcement.event_type_id
        )
        deliveries = [self._write(announcement, webhook) for webhook in webhooks]
        await asyncio.gather(*(self._send(delivery) for delivery in deliveries))

    async def ring_alarms(self) -> int:
        """Send the MEETING_* deliveries that are due; return how many."""
        due = self._world.due_alarms()
        for alarm in due:
            await self.announce(alarm.announcement)
        return len(due)

    async def ping(self, webhook: Webhook) -> Delivery:
        """Send what the "Ping test" button sends."""
        at = js(self._world.now())
        zone: JSON = {"timeZone": "Europe/London", "language": {"locale": "en"}, "utcOffset": 0}
        payload: JSON = {
            "type": "Test",
            "title": "Test trigger event",
            "startTime": at,
            "endTime": at,
            "attendees": [{"email": "jdoe@example.com", "name": "John Doe"} | zone],
            "organizer": {"name": "Cal", "email": "no-reply@cal.com"} | zone,
        }
        delivery = self._write(Announcement("PING", payload, webhook.user_id, None), webhook)
        await self._send(delivery)
        return delivery

    async def resend(self, delivery: Delivery) -> Delivery:
        """Send the same bytes under the same signature again, whatever is switched off."""
        again = Delivery(
            id=self._world.number("delivery"),
            webhook_id=delivery.webhook_id,
            url=delivery.url,
            trigger=delivery.trigger,
            uid=delivery.uid,
            body=delivery.body,
            headers=delivery.headers,
            at=self._world.now(),
            resend_of=delivery.id,
        )
        self._keep(again)
        await self._post(again)
        return again

    def _write(self, announcement: Announcement, webhook: Webhook) -> Delivery:
        world = self._world
        at = world.stamp()  # per subscription: two of them get different createdAt
        body, content_type = body_of(announcement, webhook, js(at))
        uid = announcement.payload.get("uid") or announcement.payload.get("bookingUid")
        delivery = Delivery(
            id=world.number("delivery"),
            webhook_id=webhook.id,
            url=webhook.url,
            trigger=announcement.trigger,
            uid=uid,
            body=body,
            headers={
                "Content-Type": content_type,
                "X-Cal-Signature-256": signature(body, webhook.secret),
                "X-Cal-Webhook-Version": webhook.version,
            },
            at=at,
        )
        self._keep(delivery)
        return delivery

    def _keep(self, delivery: Delivery) -> None:
        kept = self._world.deliveries
        kept.append(delivery)
        del kept[:-_KEPT_DELIVERIES]

    async def _send(self, delivery: Delivery) -> None:
        """Let it meet its fate: sent once, dropped, or not sent because webhooks are off."""
        faults = self._world.faults
        if not faults.webhooks_on:
            delivery.fate = "switched off"
        elif faults.drop_next > 0:
            faults.drop_next -= 1
            delivery.fate = "dropped"
        else:
            await self._post(delivery)

    async def _post(self, delivery: Delivery) -> None:
        began = time.perf_counter()
        try:
            answer = await self._client.post(
                delivery.url, content=delivery.body, headers=_NODE_HEADERS | delivery.headers
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            delivery.fate = "failed"
            delivery.answer = f"{type(error).__name__}: {error}"[:_KEPT_CHARACTERS]
        else:
            delivery.fate, delivery.status = "answered", answer.status_code
            delivery.answer = answer.text[:_KEPT_CHARACTERS]
        delivery.ms = round((time.perf_counter() - began) * 1000)


# payloadTemplate: the little of Handlebars that webhook templates use


def _render(template: str, data: JSON) -> str:
    def filled(match: re.Match[str]) -> str:
        value = _look_up(data, match.group(1).strip())
        return html.escape(_as_text(value)).replace("&quot;", '"')

    return re.sub(r"\{\{([^{}]+)\}\}", filled, template)


def _look_up(data: object, path: str) -> object:
    for step in path.split("."):
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "[object Object]" if isinstance(value, dict) else str(value)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
