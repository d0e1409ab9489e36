"""Somebody who takes in webhooks and remembers them."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def trigger(self):
        return self.json.get("triggerEvent") if isinstance(self.json, dict) else None

    @property
    def about(self):
        return self.json.get("payload", self.json) if isinstance(self.json, dict) else {}

    @property
    def uid(self):
        return self.about.get("uid") or self.about.get("bookingUid")


class Receiver:
    """An ASGI application. `answer` is called with what came, before the answer is sent."""

    def __init__(self, status=200, meanwhile=None):
        self.received = []
        self.status = status
        self.meanwhile = meanwhile

    async def __call__(self, scope, receive, send):
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        one = Received(scope["path"], headers, body)
        self.received.append(one)
        if self.meanwhile is not None:
            await self.meanwhile(one)
        location = [(b"location", b"http://elsewhere.example/")] if 300 <= self.status < 400 else []
        await send({"type": "http.response.start", "status": self.status, "headers": location})
        await send({"type": "http.response.body", "body": b"thank you"})

    @property
    def triggers(self):
        return [one.trigger for one in self.received]

    def find(self, path, trigger, uid, seat=None):
        fitting = [
            one
            for one in self.received
            if one.path == path
            and (one.trigger, one.uid) == (trigger, uid)
            and one.about.get("attendeeSeatId") == seat
        ]
        assert fitting, f"No {trigger} of {uid} came to {path}."
        return fitting[0]
