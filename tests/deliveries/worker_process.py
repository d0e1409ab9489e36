"""Workers of their own process, for tests: one that dies of a body, one that is frozen over it.

python worker_process.py die|freeze DATABASE_URL ISO_TIME
"""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import datetime, timedelta

from greenroom import jobs
from greenroom.calcom import webhook
from greenroom.database import Database
from greenroom.deliveries import actions as deliveries

_read = webhook.read
_TIMES = 12
"""How often the worker that dies is started again, two minutes after the last time."""


def _deadly(body, *, received_at):
    if b"poison" in body:
        os.kill(os.getpid(), signal.SIGKILL)
    return _read(body, received_at=received_at)


def _freezing(body, *, received_at):
    webhook.read = _stale
    os.kill(os.getpid(), signal.SIGSTOP)
    return _stale(body, received_at=received_at)


def _stale(body, *, received_at):
    return replace(_read(body, received_at=received_at), note="A stale word.")


async def _drain(url, at):
    database = Database(url)
    async with jobs.opened(url):
        while await deliveries.drain(database, now=at):
            pass
    await database.close()


def main(how, url, at):
    webhook.read = _deadly if how == "die" else _freezing
    if how == "freeze":
        asyncio.run(_drain(url, at))
        return
    for number in range(_TIMES):
        child = os.fork()
        if not child:
            asyncio.run(_drain(url, at + number * timedelta(minutes=2)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"ended {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], datetime.fromisoformat(sys.argv[3]))
