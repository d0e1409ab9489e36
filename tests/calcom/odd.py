"""A Cal.com that answers as a test has it: for answers that no Cal.com in order gives."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, object] | tuple[int, object, dict[str, str]]


@asynccontextmanager
async def answering(answer: Callable[[str, dict[str, str]], Answer]) -> AsyncIterator[str]:
    """Serve what `answer(path, query)` gives; give the API's address.

    That is a status and the JSON, and headers, in place of a rate limit that opens in 7 s.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        url = urlsplit(head.split(" ")[1])
        status, said, *given = answer(url.path.removeprefix("/v2"), dict(parse_qsl(url.query)))
        body = json.dumps(said).encode()
        headers = given[0] if given else {"X-RateLimit-Reset-Default": "7"}
        told = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
        writer.write(
            f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\n{told}"
            "Connection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v2"


def bookings(count: int) -> Sequence[dict[str, object]]:
    """Rows as the API has them, each made and changed a minute after the one before."""
    first = datetime(2026, 11, 20, tzinfo=UTC)
    rows = []
    for number in range(count):
        at = (first + timedelta(minutes=number)).isoformat().replace("+00:00", "Z")
        rows.append(
            {
                "id": number + 1,
                "uid": f"uid{number}",
                "title": "Intro call",
                "hosts": [],
                "status": "accepted",
                "start": "2026-12-25T10:00:00Z",
                "end": "2026-12-25T10:30:00Z",
                "attendees": [],
                "createdAt": at,
                "updatedAt": at,
            }
        )
    return rows


class Desk:
    """Answers questions about `rows` as Cal.com does, `patience` pages long; then 429."""

    def __init__(self, rows: Sequence[dict[str, object]], *, patience: int) -> None:
        self.rows = list(rows)
        self.patience = patience
        self.asked: list[tuple[str, int]] = []
        """Of each page that was given: by which field, and its first row's number."""

    def __call__(self, path: str, query: dict[str, str]) -> Answer:
        if path != "/bookings":
            return 200, {"status": "success", "data": []}
        if self.patience == 0:
            return 429, {"status": "error", "error": {"message": "Too many"}}
        self.patience -= 1
        field = "updatedAt" if "afterUpdatedAt" in query else "createdAt"
        assert query["sortUpdatedAt" if field == "updatedAt" else "sortCreated"] == "asc"
        after = query["afterUpdatedAt" if field == "updatedAt" else "afterCreatedAt"]
        found = [row for row in self.rows if _moment(row[field]) > _moment(after)]
        found.sort(key=lambda row: _moment(row[field]))
        page = [dict(row) for row in found[int(query["skip"]) :][: int(query["take"])]]
        self.asked.append((field, page[0]["id"] if page else 0))
        return 200, {"status": "success", "data": page}


def _moment(text: object) -> datetime:
    return datetime.fromisoformat(str(text))
