"""Everything a Greenroom shows, read over HTTP and looked at."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

from markupsafe import escape

from hostile.markup import Pages
from hostile.wire import ask
from house import House

API = "/api/admin/scheduling"


@dataclass
class Reader:
    """Reads pages and answers as somebody; what is wrong with them is in `problems`."""

    house: House
    headers: Mapping[str, str]
    pages: Pages
    problems: list[str] = field(default_factory=list)

    async def page(self, address: str, of: object, *texts: str | None, status: int = 200) -> str:
        """The page, which must show the texts, escaped, and no element that is not ours."""
        headers = {**self.headers, "accept": "text/html"}
        answer = await ask(self.house.app, "GET", address, headers=headers)
        if answer.status != status:
            self.problems.append(f"{of}: {answer.status} at {address}")
            return ""
        html = answer.body.decode()
        if strange := self.pages.strange(html):
            self.problems.append(f"{of}: {sorted(strange)} at {address}")
        self.problems += [
            f"{of}: {text!r} is not shown at {address}"
            for text in texts
            if text and str(escape(text)) not in html
        ]
        return html

    async def json(self, address: str, of: object = "", **query: str | int) -> Any:
        """The answer, which must be JSON in UTF-8."""
        answer = await self.house.http.get(address, headers=self.headers, params=query or None)
        if answer.status_code != 200:
            self.problems.append(f"{of}: {answer.status_code} at {address}")
            return {}
        return json.loads(answer.content.decode())

    async def every(self, address: str, limit: int = 200) -> Sequence[Any]:
        """All items of a list of the API, page by page."""
        path, _, query = address.partition("?")
        asked: dict[str, str | int] = {**dict(parse_qsl(query)), "limit": limit}
        items: list[Any] = []
        while True:
            found = await self.json(API + path, address, **asked)
            items += found["items"]
            if found["next"] is None:
                return items
            asked["cursor"] = found["next"]

    async def bytes(self, address: str) -> bytes:
        """The answer as it is."""
        answer = await self.house.http.get(address, headers=self.headers)
        if answer.status_code != 200:
            self.problems.append(f"{answer.status_code} at {address}")
        return answer.content

    async def list_of_pages(self, address: str, *texts: str | None) -> None:
        """The page at the address and all that follow it; together they show the texts."""
        shown: list[str] = []
        following: str | None = address
        while following is not None:
            shown.append(await self.page(following, following))
            link = re.search(_FOLLOWING, shown[-1])
            following = unescape(link[1]) if link else None
        whole = "".join(shown)
        missing = [text for text in texts if text and str(escape(text)) not in whole]
        if missing:
            self.problems.append(f"{address} and what follows do not show {missing[:5]}")


_FOLLOWING = r'(?:rel="next"|id="more"><a class="[^"]*") href="([^"]*)"'
