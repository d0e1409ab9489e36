"""Sending webhooks as Cal.com does: signed over the exact bytes, once, waiting for the answer.

`Postman.carry_out` runs a verb of the world and sends what it announces where it announces
it, so a delivery arrives before the call that caused it returns, and before or after the
change is committed, as recorded. Everything that may befall a delivery on its way is
decided in one place, `Postman._send`; what chance has in store is `chaos.fate`.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import httpx2

from calcom_simulator.chaos import CALM, Fate, fate, pause
from calcom_simulator.model import JSON, Announcement, Delivery, Happening, Refused, Webhook
from calcom_simulator.moments import js
from calcom_simulator.templating import is_json, render
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
_TOLD_BEFORE_COMMIT = frozenset({"BOOKING_CANCELLED", "BOOKING_PAID"})
_SOMEBODYS_TEMPLATE = '{"event":"{{triggerEvent}}","who":"{{attendees.0.name}}","id":"{{uid}}"}'
_GONE = 410
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
    rendered = render(webhook.template, told | envelope)
    if not is_json(webhook.template):
        return rendered.encode(), "application/x-www-form-urlencoded"
    # A quote inside a value breaks the JSON; Cal.com then sends the word `false`.
    return stringify(json.loads(rendered) if is_json(rendered) else False), "application/json"


def stringify(value: object) -> bytes:
    """As JSON.stringify: no spaces, no escapes for letters."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Postman:
    """Carries announcements to the subscriptions of one world, and remembers each delivery."""

    def __init__(self, world: World, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._world = world
        self._overtaken: list[Delivery] = []
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
            if self._world.faults.chaos != CALM:
                await self._commit(announcement, happening)

    async def announce(self, announcement: Announcement) -> None:
        """Tell every matching subscription at once, and wait until all have answered."""
        webhooks = self._world.subscriptions(
            announcement.trigger, announcement.user_id, announcement.event_type_id
        )
        webhooks *= 1 + self._world.faults.chaos.copies
        deliveries = [self._write(announcement, webhook) for webhook in webhooks]
        overtaken, self._overtaken = self._overtaken, []
        if overtaken:  # some may be of a world that was reset since
            known = {id(one) for one in self._world.deliveries}
            overtaken = [one for one in overtaken if id(one) in known]
        await asyncio.gather(*(self._send(delivery) for delivery in deliveries))
        await self._send_late(overtaken)

    async def ring_alarms(self) -> int:
        """Send what is due: MEETING_* deliveries, and those kept back; return how many."""
        alarms = self._world.due_alarms()
        for alarm in alarms:
            await self.announce(alarm.announcement)
        now = self._world.now()
        late = [one for one in self._world.waiting() if one.due is not None and one.due <= now]
        await self._send_late(late)
        return len(alarms) + len(late)

    async def release(self, *, shuffled: bool = True) -> int:
        """Send what waits, whatever the time; return how many. What is retried waits again."""
        waiting = self._world.waiting()
        if shuffled:
            self._world.chance_of_chaos("webhooks").shuffle(waiting)
        await self._send_late(waiting)
        return len(waiting)

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
        again = self._again(delivery)
        await self._post(again)
        return again

    def _write(self, announcement: Announcement, webhook: Webhook) -> Delivery:
        world = self._world
        at = world.stamp()  # per subscription: two of them get different createdAt
        chaos = world.faults.chaos
        if chaos.template and world.chance_of_chaos("webhooks").random() < chaos.template:
            webhook = replace(webhook, template=_SOMEBODYS_TEMPLATE)
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

    def _again(self, delivery: Delivery) -> Delivery:
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
        return again

    def _keep(self, delivery: Delivery) -> None:
        kept = self._world.deliveries
        kept.append(delivery)
        del kept[:-_KEPT_DELIVERIES]

    async def _commit(self, announcement: Announcement, happening: Happening[_T]) -> None:
        chaos, trigger = self._world.faults.chaos, announcement.trigger
        early = trigger in _TOLD_BEFORE_COMMIT and not announcement.payload.get("requestReschedule")
        if early and chaos.lie and self._world.chance_of_chaos("webhooks").random() < chaos.lie:
            happening.close()
            raise Refused(500, "Internal server error", code="INTERNAL_SERVER_ERROR")
        if chaos.commit_seconds:
            await asyncio.sleep(chaos.commit_seconds)

    async def _send(self, delivery: Delivery) -> None:
        """Let it meet its fate: sent once, dropped, or not sent because webhooks are off."""
        faults = self._world.faults
        if not faults.webhooks_on:
            delivery.fate = "switched off"
        elif faults.drop_next > 0:
            faults.drop_next -= 1
            delivery.fate = "dropped"
        elif faults.chaos == CALM:
            await self._post(delivery)
        else:
            chance = self._world.chance_of_chaos("webhooks")
            await self._meet(delivery, fate(delivery, faults.chaos, chance))

    async def _meet(self, delivery: Delivery, met: Fate) -> None:
        if met.signed != "right":
            secret = "another secret" if met.signed == "wrong" else None
            forged = {"X-Cal-Signature-256": signature(delivery.body, secret)}
            delivery.headers = delivery.headers | forged
        if not met.sendings:
            delivery.fate = "dropped"
        now, at_once = self._world.now(), []
        for number, after in enumerate(met.sendings):
            each = delivery if number == 0 else self._again(delivery)
            if after:
                each.fate, each.due = "waiting", now + after
            else:
                at_once.append(each)
        if met.overtaken:
            self._overtaken.append(delivery)
        for one in at_once:
            await self._post(one)

    async def _send_late(self, deliveries: Sequence[Delivery]) -> None:
        for one in deliveries:
            if one.due is not None:  # else it went meanwhile
                await self._post(one)

    async def _post(self, delivery: Delivery) -> None:
        began = time.perf_counter()
        delivery.fate, delivery.due = "sending", None
        delivery.attempts += 1
        try:
            answer = await self._client.post(
                delivery.url, content=delivery.body, headers=_NODE_HEADERS | delivery.headers
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            delivery.fate, delivery.status = "failed", None
            delivery.answer = f"{type(error).__name__}: {error}"[:_KEPT_CHARACTERS]
        else:
            delivery.fate, delivery.status = "answered", answer.status_code
            delivery.answer = answer.text[:_KEPT_CHARACTERS]
        delivery.ms = round((time.perf_counter() - began) * 1000)
        self._switch_off_if_gone(delivery)
        if self._world.faults.chaos.retries != "none":
            self._retry(delivery)

    def _switch_off_if_gone(self, delivery: Delivery) -> None:
        world = self._world
        newer = world.faults.chaos.retries == "newer" or world.edition.on_gone == "switch_off"
        if delivery.status == _GONE and newer and delivery.webhook_id in world.webhooks:
            gone = world.webhooks[delivery.webhook_id]
            world.webhooks[gone.id] = replace(gone, active=False)

    def _retry(self, delivery: Delivery) -> None:
        world, status = self._world, delivery.status
        chaos = world.faults.chaos
        if status is not None and 200 <= status < 300:  # noqa: PLR2004 - HTTP's own
            return
        wait = pause(chaos, delivery.attempts, status, world.chance_of_chaos("webhooks"))
        if wait is not None:
            delivery.fate, delivery.due = "waiting", world.now() + wait
