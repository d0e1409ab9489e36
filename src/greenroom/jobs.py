"""Background jobs, kept in our own database. The only importer of Procrastinate."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec

from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy
from procrastinate.types import JSONDict

from greenroom.database import Transaction, driver_connection

P = ParamSpec("P")

queue = App(connector=PsycopgConnector())

_STALLED_AFTER = 90.0
"""Seconds without a heartbeat after which a worker is taken for dead and its jobs go back."""


async def enqueue(tx: Transaction, job: str, /, *batch: Mapping[str, int | str]) -> None:
    """Add one job per item of `batch`; they run after `tx` commits, or never.

    `job` is a name in `greenroom.work`. A failed insert poisons `tx`, as any failed statement.
    """
    if batch:
        connection = await driver_connection(tx)
        jobs = [JSONDict(each) for each in batch]
        await queue.configure_task(job, connection=connection).batch_defer_async(*jobs)


def job(
    name: str, *, attempts: int = 8
) -> Callable[[Callable[Concatenate[Any, P], Awaitable[None]]], object]:
    """Declare a job: an async function whose first argument is the parts it works with.

    A job that raises is tried again after 2, 4, 8 ... seconds, `attempts` times in all.
    """

    def declare(function: Callable[Concatenate[Any, P], Awaitable[None]]) -> object:
        async def run(context: JobContext, /, *args: P.args, **kwargs: P.kwargs) -> None:
            await function(context.additional_context["parts"], *args, **kwargs)

        retry = RetryStrategy(max_attempts=attempts, exponential_wait=2)
        return queue.task(name=name, retry=retry, pass_context=True)(run)

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
    connector = PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4)
    with queue.replace_connector(connector):
        async with queue.open_async():
            yield queue


async def work(parts: object, *, concurrency: int = 8) -> None:
    """Run jobs until cancelled; a job under way gets 5 seconds to finish."""
    await queue.run_worker_async(
        concurrency=concurrency,
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
