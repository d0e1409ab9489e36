"""How often a key may ask."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass
class RateLimit:
    """At most `limit` requests per `window` seconds and key, then `block` seconds of 429."""

    limit: int = 10_000
    window: int = 60
    block: int = 60
    hits: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    blocked: dict[str, datetime] = field(default_factory=dict)

    def count(self, key: str, now: datetime) -> tuple[bool, int, int]:
        """Count one request: may it pass, how many are left, in how many seconds it resets."""
        until = self.blocked.get(key)
        if until is not None and now < until:
            return False, 0, _seconds(until - now)
        self.blocked.pop(key, None)
        since, number = self.hits.get(key, (now, 0))
        if not timedelta(0) <= now - since < timedelta(seconds=self.window) or until is not None:
            since, number = now, 0
        number += 1
        self.hits[key] = (since, number)
        if number > self.limit:
            self.blocked[key] = now + timedelta(seconds=self.block)
            return False, 0, self.block
        reset = _seconds(since + timedelta(seconds=self.window) - now)
        return True, self.limit - number, reset


def _seconds(span: timedelta) -> int:
    return max(1, -(-int(span.total_seconds() * 1000) // 1000))
