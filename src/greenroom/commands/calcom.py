"""Commands about Cal.com: connect an account, take its deliveries in again."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from greenroom.calcom import connecting, connections
from greenroom.commands.opening import DataDir, settings_beside, settings_of_data, with_parts
from greenroom.deliveries import actions as deliveries
from greenroom.errors import Invalid
from greenroom.parts import Parts
from greenroom.settings import Settings

cli = typer.Typer()


@cli.command()
def connect(
    name: Annotated[str, typer.Option(help="What to call this account.")] = "Cal.com",
    api_url: Annotated[str | None, typer.Option(help="The API, up to /v2.")] = None,
    api_key: Annotated[str | None, typer.Option(help="cal_live_...; none: webhooks only.")] = None,
    webhook_secret: Annotated[str | None, typer.Option(help="Unset: one is made.")] = None,
    skip_check: Annotated[bool, typer.Option("--skip-check", help="Do not ask Cal.com.")] = False,  # noqa: FBT002  (a flag)
    data_dir: DataDir = None,
) -> None:
    """Connect a Cal.com account: check the key, list event types, make or mend the webhook."""
    chosen = settings_beside(data_dir)
    key = api_key or (chosen.calcom_api_key and chosen.calcom_api_key.get_secret_value())

    async def run(parts: Parts) -> None:
        url, kept_key = await _kept(parts, name, api_url)
        done = await connecting.connect(
            parts.database,
            parts.seal,
            parts.http,
            name=name,
            api_url=url,
            api_key=key or (None if skip_check else kept_key),
            secret=webhook_secret,
            check=not skip_check,
            webhook_url=chosen.webhook_url,
            reachable=chosen.is_reachable_from(url),
            now=datetime.now(UTC),
        )
        _print_connected(done, chosen)

    with_parts(chosen, run)


@cli.command()
def replay(
    ids: Annotated[
        list[int] | None,
        typer.Argument(metavar="DELIVERY...", min=1, max=2**63 - 1, help="Numbers of deliveries."),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,  # noqa: FBT002  (a flag)
    data_dir: DataDir = None,
) -> None:
    """Take deliveries in again, as if new. The same news never counts twice."""
    if ids and failed:
        raise Invalid(
            "It is one or the other: numbers of deliveries, or --failed for all that failed.",
            do="Leave out the numbers, or --failed.",
        )
    if not ids and not failed:
        raise Invalid(
            "It is not said which deliveries to take in again.",
            do="Give their numbers, or --failed for all that failed.",
        )

    async def run(parts: Parts) -> None:
        if failed:
            found = await deliveries.replay_failed(parts.database)
        else:
            async with parts.database.transaction() as tx:
                for id_ in ids or ():
                    await deliveries.get(tx, id_)
                found = await deliveries.replay(tx, ids or ())
        while await deliveries.drain(parts.database, now=datetime.now(UTC)):
            pass
        print(f"Took in {found}{f' of {len(ids)}' if ids else ''} deliveries again.")
        for id_ in ids or ():
            each = await _settled(parts, id_)
            print(f"{id_}: {each.state}: {each.outcome}")

    with_parts(settings_of_data(data_dir), run)


async def _settled(parts: Parts, id_: int) -> deliveries.Delivery:
    """The delivery, once it is no longer new: a `serve` beside us may have claimed it first."""
    for _ in range(100):
        async with parts.database.transaction() as tx:
            each = await deliveries.get(tx, id_)
        if each.state is not deliveries.State.NEW:
            break
        await asyncio.sleep(0.1)
    return each


async def _kept(parts: Parts, name: str, given: str | None) -> tuple[str, str | None]:
    """The API to ask, and the key kept for it, if there is one.

    A connection keeps its address unless another is said, and a kept key goes to no other.
    """
    chosen = parts.settings
    async with parts.database.transaction() as tx:
        address, key = await connections.kept_of(tx, parts.seal, name)
    if given is None and ("calcom_api_url" in chosen.model_fields_set or address is None):
        given = str(chosen.calcom_api_url)
    url = (given or address or "").rstrip("/")
    return url, key if url == address else None


def _print_connected(done: connecting.Connected, chosen: Settings) -> None:
    print(f"Connected “{done.connection.name}” ({done.connection.api_url}).")
    if done.connection.api_key is None:
        print("Without an API key it only listens to webhooks; enter its event types by hand.")
    elif done.event_types is None:
        print("Not checked: whether Cal.com takes the API key, and which event types there are.")
    else:
        print(f"Event types: {done.event_types}.")
    print(f"Webhook address: {chosen.webhook_url}\nWebhook: {done.webhook}")
    if done.new_secret is not None:
        print(f"Webhook secret, shown only now: {done.new_secret}")
