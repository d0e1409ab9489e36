"""Background jobs, kept in our own database. The only importer of Procrastinate."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Concatenate, ParamSpec

from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy
from procrastinate.types import JSONDict
from psycopg.types.json import Jsonb

from greenroom.database import SIGNS_OF_LIFE, Transaction, driver_connection

P = ParamSpec("P")

queue = App(connector=PsycopgConnector(), import_paths=["greenroom.work"])

AT_ONCE = {"default": 4, "mail": 4, "calcom": 4, "sync": 4}
"""Jobs of each queue under way in one process: waiting for a mute stranger holds up no other."""

EXAMINE = "examine"
"""The job that has the doctor look at everything now."""

_PATIENCE = 10.0
"""Seconds for a connection of the pool. Attempts to get one are further and further apart, and
begin anew after as long: a database that comes back is found within half of it."""
_FAILURES_KEPT = 30 * 24
"""Hours that a job which failed for good can be looked at."""
_STALLED_AFTER = 90.0
"""Seconds without a heartbeat after which a worker is taken for dead and its jobs go back."""


async def enqueue(tx: Transaction, job: str, /, *batch: Mapping[str, int | str]) -> None:
    """Add one job per item of `batch`; they run after `tx` commits, or never.

    `job` is a name in `greenroom.work`, where it has its queue; raises TaskNotFound for others.
    A failed insert poisons `tx`, as any failed statement.
    """
    if batch:
        connection = await driver_connection(tx)
        jobs = [JSONDict(each) for each in batch]
        task = queue.configure_task(job, allow_unknown=False, connection=connection)
        await task.batch_defer_async(*jobs)


async def enqueue_missing(tx: Transaction, job: str, /, *batch: Mapping[str, int | str]) -> None:
    """Add the jobs of `batch` that do not wait already. Two at once may each add one."""
    connection = await driver_connection(tx)
    cursor = await connection.execute(
        "SELECT args FROM procrastinate_jobs"
        " WHERE task_name = %s AND status = 'todo' AND args = ANY(%s)",
        (job, [Jsonb(dict(each)) for each in batch]),
    )
    there = [args for (args,) in await cursor.fetchall()]
    await enqueue(tx, job, *(each for each in batch if each not in there))


def job(
    name: str, *, attempts: int = 8, queue_name: str = "default"
) -> Callable[[Callable[Concatenate[Any, P], Awaitable[None]]], object]:
    """Declare a job: an async function whose first argument is the parts it works with.

    `queue_name` is one of AT_ONCE: jobs that wait for the same slow stranger have their own.
    A job that raises is tried again after 2, 4, 8 ... seconds, `attempts` times in all.
    """

    def declare(function: Callable[Concatenate[Any, P], Awaitable[None]]) -> object:
        async def run(context: JobContext, /, *args: P.args, **kwargs: P.kwargs) -> None:
            await function(context.additional_context["parts"], *args, **kwargs)

        retry = RetryStrategy(max_attempts=attempts, exponential_wait=2)
        task = queue.task(name=name, queue=queue_name, retry=retry, pass_context=True)
        return task(run)

    return declare


def each(cron: str, name: str) -> Callable[[Callable[[Any], Awaitable[None]]], object]:
    """Declare a job that runs by the clock, once however many workers there are."""

    def declare(function: Callable[[Any], Awaitable[None]]) -> object:
        async def run(context: JobContext, timestamp: int) -> None:
            del timestamp
            await function(context.additional_context["parts"])

        task = queue.task(name=name, pass_context=True)(run)
        return queue.periodic(cron=cron)(task)

    return declare


@asynccontextmanager
async def opened(conninfo: str) -> AsyncIterator[App]:
    """The queue on the database at `conninfo`, with its own small pool."""
    connector = PsycopgConnector(
        conninfo=conninfo,
        min_size=1,
        max_size=6,
        timeout=_PATIENCE,
        reconnect_timeout=_PATIENCE,
        kwargs={"connect_timeout": 5, "application_name": "greenroom jobs", **SIGNS_OF_LIFE},
    )
    with queue.replace_connector(connector):
        async with queue.open_async():
            yield queue


async def work(parts: object, queue_name: str) -> None:
    """Run the jobs of one queue until cancelled; a job under way gets 5 seconds to finish.

    A lost database ends it too: it may raise, or return, or raise when it is cancelled.
    """
    await queue.run_worker_async(
        queues=[queue_name],
        name=queue_name,
        concurrency=AT_ONCE[queue_name],
        install_signal_handlers=False,
        shutdown_graceful_timeout=5,
        fetch_job_polling_interval=2,
        delete_jobs="successful",
        additional_context={"parts": parts},
    )


async def rescue_stalled() -> int:
    """Give the jobs of killed workers back to the queue, each apart; return how many."""
    stalled = await queue.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_AFTER)
    count = 0
    for each_job in stalled:
        await queue.job_manager.retry_job(each_job)
        count += 1
    return count


async def forget_failures() -> None:
    """Remove the jobs that ended otherwise than well, 30 days after."""
    await queue.job_manager.delete_old_jobs(
        nb_hours=_FAILURES_KEPT,
        include_failed=True,
        include_cancelled=True,
        include_aborted=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one queue gets on. Periodic jobs count as failed only by `failing`.

    `waiting` jobs could run now, the oldest of them since `oldest_at`; `stalled` ones were begun
    by a worker that is dead. `failed` for good since the moment asked for; `failing` are names of
    periodic jobs that failed several times since then.
    """

    queue: str
    waiting: int = 0
    oldest_at: datetime | None = None
    stalled: int = 0
    failed: int = 0
    failing: Sequence[str] = ()


_STANDINGS = """
    SELECT queue_name,
           count(*) FILTER (WHERE j.status = 'todo'),
           count(*) FILTER (WHERE j.status = 'doing'
               AND (w.id IS NULL OR w.last_heartbeat < %(dead)s))
      FROM procrastinate_jobs AS j LEFT JOIN procrastinate_workers AS w ON w.id = j.worker_id
     WHERE j.status = 'doing'
        OR j.status = 'todo' AND (j.scheduled_at IS NULL OR j.scheduled_at <= %(now)s)
     GROUP BY queue_name
"""
# Jobs are begun in the order of their numbers: of the first ones one waits longest.
_OLDEST = """
    SELECT queue_name, min(greatest(since, scheduled_at))
      FROM (SELECT id, queue_name, scheduled_at FROM procrastinate_jobs
             WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= %(now)s)
             ORDER BY id LIMIT 500) AS j,
           LATERAL (SELECT max(at) AS since FROM procrastinate_events
                     WHERE job_id = j.id AND type <> 'started') AS e
     GROUP BY queue_name
"""
# Whether it goes on: of those that run by the clock, `defers` has the newest one.
_FAILED = """
    SELECT queue_name, task_name, count(*),
           count(*) FILTER (WHERE at >= %(lately)s) >= %(several)s
             OR bool_or(id IN (SELECT job_id FROM procrastinate_periodic_defers))
      FROM (SELECT id, queue_name, task_name,
                   (SELECT max(at) FROM procrastinate_events WHERE job_id = j.id) AS at
              FROM procrastinate_jobs AS j WHERE status = 'failed') AS failed
     WHERE at >= %(since)s
     GROUP BY queue_name, task_name
"""
_SEVERAL, _LATELY = 3, timedelta(minutes=10)
"""A periodic job that failed less often, or not lately, had a hiccup: the next one was well."""


async def standings(tx: Transaction, *, since: datetime, now: datetime) -> Sequence[Standing]:
    """How each queue of AT_ONCE gets on; failures count `since` then."""
    connection = await driver_connection(tx)
    given = {
        "now": now,
        "since": since,
        "dead": now - timedelta(seconds=_STALLED_AFTER),
        "lately": now - _LATELY,
        "several": _SEVERAL,
    }
    counted = {
        str(name): (int(str(waiting)), int(str(stalled)))
        for name, waiting, stalled in await (await connection.execute(_STANDINGS, given)).fetchall()
    }
    oldest = {
        str(name): at for name, at in await (await connection.execute(_OLDEST, given)).fetchall()
    }
    failures = await (await connection.execute(_FAILED, given)).fetchall()
    periodic = {name for name, _ in queue.periodic_registry.periodic_tasks}
    found: list[Standing] = []
    for name in AT_ONCE:
        mine = [(str(job), int(str(n)), goes_on) for of, job, n, goes_on in failures if of == name]
        at = oldest.get(name)
        found.append(
            Standing(
                queue=name,
                waiting=counted.get(name, (0, 0))[0],
                stalled=counted.get(name, (0, 0))[1],
                oldest_at=at if isinstance(at, datetime) else None,
                failed=sum(n for job, n, _ in mine if job not in periodic),
                failing=[
                    job for job, n, goes_on in mine if job in periodic and n >= _SEVERAL and goes_on
                ],
            )
        )
    return found


async def retry_failed(tx: Transaction, *, since: datetime, now: datetime) -> int:
    """Give jobs that failed for good since then back to the queue; return how many.

    Those that run by the clock are left: the next of them comes by itself.
    """
    connection = await driver_connection(tx)
    periodic = [name for name, _ in queue.periodic_registry.periodic_tasks]
    cursor = await connection.execute(
        "SELECT procrastinate_retry_job_v2(id, %(now)s, NULL, NULL, NULL)"
        "  FROM procrastinate_jobs AS j"
        " WHERE status = 'failed' AND task_name <> ALL(%(periodic)s)"
        "   AND (SELECT max(at) FROM procrastinate_events WHERE job_id = j.id) >= %(since)s",
        {"now": now, "since": since, "periodic": periodic},
    )
    return cursor.rowcount
