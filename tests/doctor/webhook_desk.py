"""A host's own hands on the webhooks at Cal.com: what she does there behind our back."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from calcom_desk import KEY, Calcom


@dataclass(frozen=True)
class Webhooks:
    """The webhooks of one user, through API v2 with her key."""

    calcom: Calcom
    key: str = KEY

    def every(self) -> list[dict]:
        return self.asked("GET", "/webhooks")

    def one(self) -> dict:
        (only,) = self.every()
        return only

    def change(self, **changes: object) -> dict:
        return self.asked("PATCH", f"/webhooks/{self.one()['id']}", **changes)

    def delete(self) -> None:
        self.asked("DELETE", f"/webhooks/{self.one()['id']}")

    def add(self, url: str, *, under: str = "", **given: object) -> dict:
        body = {"subscriberUrl": url, "active": True, "triggers": ["BOOKING_CREATED"], **given}
        return self.asked("POST", f"{under}/webhooks", **body)

    def asked(self, method: str, path: str, **body: object) -> object:
        answer = self.calcom.http.request(
            method,
            self.calcom.api_url + path,
            json=body or None,
            headers={"Authorization": f"Bearer {self.key}"},
        )
        assert answer.is_success, answer.text
        return answer.json()["data"]


@contextmanager
def answering(calcom: Calcom, path: str, code: int, said: object = None) -> Iterator[str]:
    """A Cal.com that answers so to everything under that path; give its API's address."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith(path):
                status, kind = code, "application/json"
                error = {"status": "error", "error": {"message": "no"}}
                body = json.dumps(said or error).encode()
            else:
                asked = calcom.http.get(
                    calcom.url + self.path,
                    headers={
                        name: self.headers[name]
                        for name in ("authorization", "cal-api-version")
                        if name in self.headers
                    },
                )
                status, kind, body = asked.status_code, asked.headers["content-type"], asked.content
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v2"
        server.shutdown()
        thread.join()
