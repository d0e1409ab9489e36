"""Cal.com as tests use it: the simulator, over HTTP."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2

KEY = "cal_simulator_mara"
_VERSION = {"cal-api-version": "2024-08-13"}
_HOST = {**_VERSION, "Authorization": f"Bearer {KEY}"}


@contextmanager
def running(*options: str) -> Iterator["Calcom"]:
    """A simulator of its own on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "calcom_simulator", "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    url = process.stdout.readline().rpartition(" ")[2].strip()
    with httpx2.Client(timeout=20) as http:
        yield Calcom(url, http)
    process.terminate()
    process.wait(timeout=10)


@dataclass(frozen=True)
class Calcom:
    """What hosts, attendees and the weather do at Cal.com, in words."""

    url: str
    http: httpx2.Client

    @property
    def api_url(self) -> str:
        return f"{self.url}/v2"

    def control(self, what: str, **given: object) -> dict:
        return self._done(self.http.post(f"{self.url}/control/api/{what}", json=given))

    def event_type_id(self, slug: str) -> int:
        answer = self.http.get(
            f"{self.api_url}/event-types", headers={**_HOST, "cal-api-version": "2024-06-14"}
        )
        return next(each["id"] for each in answer.json()["data"] if each["slug"] == slug)

    def free(self, slug: str, *, days: int = 1) -> list[str]:
        """Free times from `days` days on, as ISO 8601."""
        start = datetime.now(UTC) + timedelta(days=days)
        answer = self.http.get(
            f"{self.api_url}/slots",
            params={
                "eventTypeId": self.event_type_id(slug),
                "start": start.date().isoformat(),
                "end": (start + timedelta(days=8)).date().isoformat(),
            },
            headers={"cal-api-version": "2024-09-04"},
        )
        return [
            slot["start"] for _, slots in sorted(answer.json()["data"].items()) for slot in slots
        ]

    def book(
        self,
        slug: str = "intro-call",
        *,
        email: str = "ada@example.org",
        name: str = "Ada Lovelace",
        token: str | None = None,
        at: str | None = None,
    ) -> dict:
        body = {
            "start": at or self.free(slug)[0],
            "eventTypeId": self.event_type_id(slug),
            "attendee": {"name": name, "email": email, "timeZone": "Europe/London"},
        }
        if token is not None:
            body["metadata"] = {"greenroom": token}
        return self._done(self.http.post(f"{self.api_url}/bookings", json=body, headers=_VERSION))[
            "data"
        ]

    def get(self, uid: str) -> dict:
        return self._done(self.http.get(f"{self.api_url}/bookings/{uid}", headers=_HOST))["data"]

    def confirm(self, uid: str) -> dict:
        return self._act(uid, "confirm")

    def decline(self, uid: str, reason: str = "No time") -> dict:
        return self._act(uid, "decline", reason=reason)

    def cancel(self, uid: str, reason: str = "Ill") -> dict:
        return self._act(uid, "cancel", cancellationReason=reason)

    def reschedule(self, uid: str, to: str) -> dict:
        return self._act(uid, "reschedule", start=to, reschedulingReason="Train")

    def request_reschedule(self, uid: str) -> dict:
        return self._act(uid, "request-reschedule", rescheduleReason="I travel")

    def mark_no_show(self, uid: str, email: str) -> dict:
        return self._act(uid, "mark-absent", attendees=[{"email": email, "absent": True}])

    def _act(self, uid: str, what: str, **given: object) -> dict:
        url = f"{self.api_url}/bookings/{uid}/{what}"
        return self._done(self.http.post(url, json=given, headers=_HOST)).get("data", {})

    @staticmethod
    def _done(response: httpx2.Response) -> dict:
        assert response.is_success, response.text
        return response.json()
