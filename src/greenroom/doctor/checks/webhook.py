"""Checks: our webhook at Cal.com, one thing that can be wrong with it after the other."""

from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from greenroom.calcom.connections import Connection
from greenroom.calcom.replies import CalcomError
from greenroom.calcom.subscription import (
    EVENTS,
    NEWER_EVENTS,
    VERSIONS,
    Flaw,
    Subscription,
    origin,
    shown,
)
from greenroom.doctor import asking
from greenroom.doctor.asking import amber, green, off, red
from greenroom.doctor.checks import beside
from greenroom.doctor.examination import TEN_MINUTES, Check, Examination, Mend
from greenroom.doctor.model import Area, Finding
from greenroom.doctor.our_webhook import Ours, add_newer, is_all_that_fails, look_up, mend
from greenroom.doctor.words import listed
from greenroom.errors import NotFound
from greenroom.seal import WrongKey

_HOSTED = frozenset({"api.cal.com", "api.cal.eu"})
_FIRST = "First the webhook must be there."
_ENTER = "Enter our secret"


LookAtOurs = Callable[[Connection, Subscription, Ours], Finding]


def _each(look: LookAtOurs) -> Callable[[Examination], Awaitable[Sequence[Finding]]]:
    """A look at the webhook of each connection, where there is one."""

    async def look_at(exam: Examination, connection: Connection) -> Sequence[Finding]:
        if not exam.parts.address.is_reachable_from(connection.api_url):
            return [off(connection, _NO_ADDRESS, _GIVE_ADDRESS)]
        try:
            ours = await look_up(exam, connection)
        except CalcomError as error:
            if not await is_all_that_fails(exam, connection, error):
                raise
            return [asking.unanswered(error, connection, check="Webhook")]
        except (NotFound, WrongKey) as error:
            if look is _look_secret:
                return [red(connection, error.what, error.do)]
            return [off(connection, _UNKNOWN, "See what the check Webhook secret says.")]
        if ours.kept is None:
            return [off(connection, _FIRST)]
        return [look(connection, ours.kept, ours)]

    return asking.each_with_key(look_at)


_NO_ADDRESS = "There is no address yet that Cal.com could deliver to; Greenroom asks each minute."
_UNKNOWN = "Without the connection's secret its webhook cannot be told from others."
_GIVE_ADDRESS = "Give Greenroom a public address first: see the check of the public address."


async def _look_there(exam: Examination, connection: Connection) -> Sequence[Finding]:
    if not exam.parts.address.is_reachable_from(connection.api_url):
        return [off(connection, _NO_ADDRESS, _GIVE_ADDRESS)]
    try:
        ours = await look_up(exam, connection)
    except CalcomError as error:
        if not await is_all_that_fails(exam, connection, error):
            raise
        what = f"Cal.com answers, but not about its webhooks, so ours cannot be seen: {error.what}"
        return [red(connection, what, error.do)]
    except (NotFound, WrongKey):
        return [off(connection, _UNKNOWN, "See what the check Webhook secret says.")]
    if ours.kept is None:
        return [
            red(
                connection,
                "Cal.com has no webhook for this Greenroom, so it tells nothing by itself.",
                f"Press Make it, or add one {beside.IN_CALCOM} with the address {ours.url}.",
                offer="Make it",
            )
        ]
    return [
        await beside.of_event_types(exam, connection, ours.url)
        or beside.of_strangers(connection, ours)
        or green(connection, "Cal.com has a webhook for this Greenroom.")
    ]


def _look_on(connection: Connection, kept: Subscription, ours: Ours) -> Finding:
    del ours
    if kept.active:
        return green(connection, "It is switched on.")
    return red(
        connection,
        "The webhook is switched off at Cal.com.",
        f"Press Switch it on, or switch it on {beside.IN_CALCOM}.",
        offer="Switch it on",
    )


def _look_address(connection: Connection, kept: Subscription, ours: Ours) -> Finding:
    if kept.url != ours.url:
        return red(
            connection,
            f"Cal.com delivers to {shown(kept.url)}, but Greenroom answers at {ours.url}.",
            f"Press Move it here, or change the address {beside.IN_CALCOM}.",
            offer="Move it here",
        )
    if ours.leftovers:
        where = ", ".join(origin(each.url) for each in ours.leftovers)
        return amber(
            connection,
            f"Cal.com delivers here, and to an address we had before too: {where}.",
            f"Press Remove it, or delete that webhook {beside.IN_CALCOM}.",
            offer="Remove it",
        )
    return green(connection, f"Cal.com delivers to {ours.url}.")


def _look_events(connection: Connection, kept: Subscription, ours: Ours) -> Finding:
    missing = [each for each in EVENTS if each not in kept.events]
    if missing:
        return red(
            connection,
            f"The webhook does not tell everything: {_missing(missing)}.",
            f"Press Add the events, or tick them {beside.IN_CALCOM}.",
            offer="Add the events",
        )
    newer = [each for each in NEWER_EVENTS if each not in kept.events]
    if newer and _knows_newer(connection, ours):
        return amber(
            connection,
            f"{_missing(newer)}: changes of place or host show up to a minute later.",
            f"Press Add the events, or tick them {beside.IN_CALCOM}.",
            offer="Add the events",
        )
    return green(connection, "It tells of every event that Greenroom reads.")


def _missing(events: Sequence[str]) -> str:
    return f"{listed(events)} {'is' if len(events) == 1 else 'are'} missing"


def _knows_newer(connection: Connection, ours: Ours) -> bool:
    """Instances of people's own may be too old for them, and cannot be asked."""
    hosted = urlsplit(connection.api_url).hostname in _HOSTED
    return hosted or any(set(NEWER_EVENTS) & each.events for each in ours.there)


def _look_template(connection: Connection, kept: Subscription, ours: Ours) -> Finding:
    del ours
    if not kept.has_template:
        return green(connection, "It sends what Cal.com sends by default.")
    return red(
        connection,
        "The webhook has a custom payload template: Greenroom cannot read what that makes of it.",
        f"Press Remove the template, or switch it off {beside.IN_CALCOM}.",
        offer="Remove the template",
    )


def _look_secret(connection: Connection, kept: Subscription, ours: Ours) -> Finding:
    if kept.secret == ours.secret:
        return green(connection, "Cal.com signs with the secret that Greenroom knows.")
    if not ours.shows_secrets:
        return off(connection, "This Cal.com does not show with which secret it signs.")
    do = f"Press {_ENTER}, or paste the secret {beside.IN_CALCOM}: the Connections page makes one."
    if kept.secret in ours.older:
        return amber(connection, "Cal.com still signs with the secret before.", do, offer=_ENTER)
    if not kept.secret:
        what = "The webhook has no secret: every delivery is refused, for anybody could send it."
    elif kept.secret.strip() in {ours.secret, *ours.older}:
        what = "The secret at Cal.com was pasted with a blank or a line break: nothing fits."
    else:
        what = "Cal.com signs with another secret than ours: every delivery is refused."
    return red(connection, what, do, offer=_ENTER)


def _look_version(connection: Connection, kept: Subscription, ours: Ours) -> Finding:
    if not ours.has(Flaw.VERSION):
        named = "one version only" if kept.version is None else f"version {kept.version}"
        return green(connection, f"It delivers {named}, which Greenroom reads.")
    return amber(
        connection,
        f"It delivers version {kept.version}, which Greenroom does not know; it knows "
        f"{', '.join(sorted(VERSIONS))}.",
        "Press Set it back, or update Greenroom.",
        offer="Set it back",
    )


def _check(id_: str, title: str, means: str, look: LookAtOurs, mended: Mend = mend) -> Check:
    return Check(
        id=id_,
        title=title,
        area=Area.WEBHOOK,
        means=means,
        every=TEN_MINUTES,
        look=_each(look),
        mend=mended,
    )


CHECKS: Sequence[Check] = (
    Check(
        id="webhook-there",
        title="Webhook",
        area=Area.WEBHOOK,
        means="A webhook is how Cal.com tells of a booking at once. Without one Greenroom asks "
        "each minute.",
        every=TEN_MINUTES,
        look=asking.each_with_key(_look_there),
        mend=mend,
    ),
    _check(
        "webhook-on",
        "Webhook switched on",
        "Cal.com switches a webhook off when the address says that it is gone, and people do "
        "while they look for something.",
        _look_on,
    ),
    _check(
        "webhook-address",
        "Webhook address",
        "Cal.com delivers to the address that was entered, whether or not Greenroom is there.",
        _look_address,
    ),
    _check(
        "webhook-events",
        "Webhook events",
        "Cal.com tells only of the events that are ticked; of the others Greenroom hears when "
        "it asks.",
        _look_events,
        add_newer,
    ),
    _check(
        "webhook-template",
        "Webhook payload",
        "A custom template changes what Cal.com sends, and Greenroom reads what it sends by "
        "default.",
        _look_template,
    ),
    _check(
        "webhook-secret",
        "Webhook secret",
        "The secret is how Greenroom knows that a delivery is Cal.com's. Both must have the same.",
        _look_secret,
    ),
    _check(
        "webhook-version",
        "Webhook version",
        "Cal.com sends deliveries in the version that the webhook names.",
        _look_version,
    ),
)
