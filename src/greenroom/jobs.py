"""Background jobs, kept in our own database. The only importer of Procrastinate."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec

from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy
from procrastinate.types import JSONDict
from psycopg.types.json import Jsonb

from greenroom.database import SIGNS_OF_LIFE, Transaction, driver_connection

P = ParamSpec("P")

queue = App(connector=PsycopgConnector(), import_paths=["greenroom.work"])

AT_ONCE = {"default": 4, "mail": 4, "calcom": 4, "sync": 4}
"""Jobs of each queue under way in one process: waiting for a mute stranger holds up no other."""

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
