from datetime import UTC, datetime

import pytest

from simulator.cal import Cal

MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


@pytest.fixture
async def cal():
    """Mara's Cal.com on a Monday morning, with one receiver that hears everything."""
    async with Cal(MONDAY) as one:
        yield one
