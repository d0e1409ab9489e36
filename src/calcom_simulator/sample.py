"""The sample world: Mara Lindqvist and six event types, one of each sort; Jonas; their team."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from calcom_simulator.editions import HOSTED, Edition
from calcom_simulator.model import (
    EventType,
    Question,
    Recurrence,
    Seats,
    Team,
    User,
    Webhook,
)
from calcom_simulator.triggers import triggers_of
from calcom_simulator.world import World

KEY = "cal_simulator_mara"
KEY_OF_ANOTHER = "cal_simulator_jonas"
_STUDIO = ({"type": "address", "address": "Studio 4, Lindenstr. 12, Berlin", "public": True},)
_VIDEO = ({"type": "integration", "integration": "cal-video"},)
_GREENROOM = Question("greenroom", "Greenroom reference", hidden=True)
_EVENT_TYPES = (
    EventType(
        id=0,
        owner_id=1,
        title="Technical interview",
        slug="technical-interview",
        minutes=45,
        description="A conversation about code you know well.",
        locations=_VIDEO,
        questions=(_GREENROOM, Question("language", "Which language would you like to use?")),
    ),
    EventType(
        id=0,
        owner_id=1,
        title="Intro call",
        slug="intro-call",
        minutes=30,
        description="Get to know each other",
        locations=_STUDIO,
        questions=(_GREENROOM,),
    ),
    EventType(
        id=0,
        owner_id=1,
        title="Final round",
        slug="final-round",
        minutes=60,
        description="With the whole team. We confirm the time by hand.",
        locations=_STUDIO,
        questions=(_GREENROOM,),
        needs_confirmation=True,
    ),
    EventType(
        id=0,
        owner_id=1,
        title="Weekly session",
        slug="weekly",
        minutes=60,
        locations=_VIDEO,
        questions=(_GREENROOM,),
        recurrence=Recurrence(interval=1, occurrences=3, frequency="weekly"),
    ),
    EventType(
        id=0,
        owner_id=1,
        title="Panel",
        slug="panel",
        minutes=60,
        description="Up to three candidates at a time.",
        locations=_STUDIO,
        questions=(_GREENROOM,),
        seats=Seats(per_slot=3),
    ),
    EventType(
        id=0,
        owner_id=1,
        title="Paid assessment",
        slug="paid-assessment",
        minutes=60,
        locations=_VIDEO,
        questions=(_GREENROOM,),
        price=2500,
        currency="eur",
    ),
)
_OF_ANOTHER = (
    EventType(0, 0, "Portfolio review", "portfolio-review", 45, locations=_VIDEO),
    EventType(0, 0, "Coffee", "coffee", 20, locations=_STUDIO),
)
_OF_THE_TEAM = EventType(
    id=0,
    owner_id=0,
    title="Team interview",
    slug="team-interview",
    minutes=60,
    description="With Mara and Jonas.",
    locations=_STUDIO,
    questions=(_GREENROOM,),
)


def sample_world(
    seed: int = 1,
    *,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    edition: Edition = HOSTED,
    public_url: str = "http://localhost:3000",
    rate_limit: int | None = None,
) -> World:
    """A furnished world; what it is told here it is told again at every reset."""

    def furnish_and_subscribe(world: World) -> None:
        furnish(world)
        if webhook_url is not None:
            subscribe(world, webhook_url, webhook_secret)
        if rate_limit is not None:
            world.rate.limit = rate_limit

    return World(
        seed, clock=clock, edition=edition, furnish=furnish_and_subscribe, public_url=public_url
    )


def furnish(world: World) -> None:
    """Put Mara, Jonas, their event types and their team into an empty world."""
    mara = _user(world, "mara", "Mara Lindqvist", KEY)
    for kind in _EVENT_TYPES:
        world.add_event_type(kind)
    jonas = _user(world, "jonas", "Jonas Weber", KEY_OF_ANOTHER)
    for kind in _OF_ANOTHER:
        world.add_event_type(replace(kind, owner_id=jonas.id))
    team = Team(1, "studio", "Studio", (mara.id, jonas.id), (mara.id,))
    world.teams[team.id] = team
    world.add_event_type(replace(_OF_THE_TEAM, owner_id=mara.id, team_id=team.id))


def _user(world: World, username: str, name: str, key: str) -> User:
    number = world.number("user")
    email = f"{username}@studio.example"
    world.users[number] = user = User(number, world.new_uuid(), username, name, email, key)
    return user


def subscribe(
    world: World,
    url: str,
    secret: str | None,
    *,
    username: str = "mara",
    team_id: int | None = None,
) -> Webhook:
    """Have this account, or a team, tell everything about bookings to `url`.

    Raises KeyError when there is no such user or team.
    """
    owner = world.user_named(username)
    if owner is None or (team_id is not None and team_id not in world.teams):
        raise KeyError(f"user {username}" if owner is None else f"team {team_id}")
    webhook = Webhook(
        id=world.new_uuid(),
        user_id=owner.id,
        event_type_id=None,
        url=url,
        triggers=triggers_of(world.edition),
        active=True,
        secret=secret,
        template=None,
        version=next(iter(world.edition.webhook_versions), "2021-10-20"),
        created_at=world.now(),
        team_id=team_id,
    )
    world.webhooks[webhook.id] = webhook
    return webhook
