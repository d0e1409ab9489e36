"""The sample world: Mara Lindqvist and six event types, one of each sort."""

from collections.abc import Callable
from datetime import UTC, datetime

from calcom_simulator.model import (
    HOSTED,
    Edition,
    EventType,
    Question,
    Recurrence,
    Seats,
    User,
    Webhook,
)
from calcom_simulator.triggers import triggers_of
from calcom_simulator.world import World

KEY = "cal_simulator_mara"
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
    """Put Mara and her event types into an empty world."""
    number = world.number("user")
    world.users[number] = User(
        id=number,
        uuid=world.new_uuid(),
        username="mara",
        name="Mara Lindqvist",
        email="mara@studio.example",
        key=KEY,
    )
    for kind in _EVENT_TYPES:
        world.add_event_type(kind)


def subscribe(world: World, url: str, secret: str | None) -> Webhook:
    """Have Mara's account tell everything about bookings to `url`."""
    webhook = Webhook(
        id=world.new_uuid(),
        user_id=1,
        event_type_id=None,
        url=url,
        triggers=triggers_of(world.edition),
        active=True,
        secret=secret,
        template=None,
        version="2021-10-20",
        created_at=world.now(),
    )
    world.webhooks[webhook.id] = webhook
    return webhook
