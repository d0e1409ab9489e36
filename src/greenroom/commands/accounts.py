"""Commands about who may come in: people and tokens."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from greenroom.accounts import actions as accounts
from greenroom.accounts.model import Role
from greenroom.commands.opening import DataDir, settings_beside, settings_of_data, with_parts
from greenroom.parts import Parts

user = typer.Typer(help="People who sign in.", no_args_is_help=True)
token = typer.Typer(help="Tokens for the JSON API.", no_args_is_help=True)


@user.command("add")
def add_user(
    email: str,
    name: Annotated[str, typer.Option(help="As colleagues and candidates read it.")] = "",
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.RECRUITER,
    data_dir: DataDir = None,
) -> None:
    """Add a person; prints the link with which they choose a password."""
    chosen = settings_beside(data_dir)

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            person, ticket = await accounts.add_user(
                tx, email=email, name=name or email, role=role, now=datetime.now(UTC)
            )
        address = accounts.set_up_address(chosen.origin, ticket)
        print(f"Hand this link to {person.email}; it works once:\n{address}")

    with_parts(chosen, run)


@user.command("list")
def list_users(data_dir: DataDir = None) -> None:
    """Show everyone, with role and whether they can sign in."""

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            for each in await accounts.list_users(tx):
                state = "disabled" if each.disabled_at else "enabled"
                print(f"{each.email}\t{each.name}\t{each.role}\t{state}")

    with_parts(settings_of_data(data_dir), run)


@user.command("disable")
def disable_user(email: str, data_dir: DataDir = None) -> None:
    """End a person's sessions and let them in no more."""

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            person = await accounts.by_email(tx, email)
            assert person.id is not None
            await accounts.disable_user(tx, person.id, datetime.now(UTC))
        print(f"{email} can no longer sign in.")

    with_parts(settings_of_data(data_dir), run)


@token.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.VIEWER,
    data_dir: DataDir = None,
) -> None:
    """Make an API token; prints only the token, and it is shown only now."""

    async def run(parts: Parts) -> None:
        async with parts.database.transaction() as tx:
            print(await accounts.create_token(tx, name, role, datetime.now(UTC)))

    with_parts(settings_of_data(data_dir), run)
