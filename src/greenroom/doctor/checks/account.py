"""Checks: the Cal.com account we are connected to, its key and its API."""

from collections.abc import Sequence

from greenroom.calcom import connections, readable
from greenroom.calcom.connections import Connection
from greenroom.calcom.replies import KeyRefused, NotAllowed
from greenroom.doctor import asking
from greenroom.doctor.checks import answering, scope
from greenroom.doctor.examination import HOUR, MINUTE, TEN_MINUTES, Check, Examination
from greenroom.doctor.model import Area, Finding, Light


async def _look_connected(exam: Examination) -> Sequence[Finding]:
    async with exam.parts.database.transaction() as tx:
        names = await readable.names(tx)
    if not names:
        return [
            Finding(light=Light.OFF, what="No Cal.com account is connected.", do=asking.CONNECT)
        ]
    if not exam.connections:
        what = "What is connected was sealed with a secret key that is not there any more."
        return [Finding(light=Light.OFF, what=what, do="See what the check of the secrets says.")]
    return [_connected(each) for each in exam.connections]


def _connected(connection: Connection) -> Finding:
    if connection.api_key is None:
        return Finding(
            light=Light.AMBER,
            what="It only takes in deliveries: without an API key Greenroom cannot ask Cal.com "
            "what was missed.",
            do=asking.give_key(connection),
            connection_id=connection.id,
        )
    whose = f", as {connection.account}" if connection.account else ""
    return asking.green(connection, f"Connected to {connection.api_url}{whose}.")


async def _look_key(exam: Examination, connection: Connection) -> Sequence[Finding]:
    try:
        account = await asking.account(exam, connection)
    except NotAllowed as error:
        return [asking.red(connection, error.what, error.do)]
    except KeyRefused as error:
        return [asking.red(connection, error.what, _another_key(connection))]
    whose = " ".join(filter(None, (account.name, account.email and f"({account.email})")))
    # A number in another shape says nothing of whose it is; see the check of the API.
    if account.id is not None and connection.account_id not in {None, account.id}:
        return [
            asking.red(
                connection,
                f"The key belongs to {whose or account.label}, but the connection was made for "
                f"{connection.account or 'another account'}.",
                f"Give “{connection.name}” a key of {connection.account or 'its own account'} "
                "under Settings, Connections, Replace the API key, and connect the other account "
                "under a name of its own.",
            )
        ]
    return [asking.green(connection, f"It works. It belongs to {whose or account.label}.")]


def _another_key(connection: Connection) -> str:
    return (
        "Make a key in Cal.com under Settings, Developer, API keys. Then open "
        f"“{connection.name}” under Settings, Connections, and paste it under Replace the API "
        f"key; or run `{connections.new_key(connection.name)}`."
    )


CHECKS: Sequence[Check] = (
    Check(
        id="connected",
        title="Connected",
        area=Area.CALCOM,
        means="Greenroom needs an account at Cal.com to send links from, and its API key to ask "
        "what became of them.",
        every=MINUTE,
        look=_look_connected,
    ),
    Check(
        id="key",
        title="API key",
        area=Area.CALCOM,
        means="With a key that was revoked, or is another account's, links cannot be made and "
        "nothing that a webhook missed is ever found.",
        every=TEN_MINUTES,
        look=asking.each_with_key(_look_key),
    ),
    Check(
        id="api",
        title="API",
        area=Area.CALCOM,
        means="Cal.com's API is where Greenroom reads what is true. It must answer, and in the "
        "versions that Greenroom can read.",
        every=TEN_MINUTES,
        look=asking.each_with_key(answering.look_api),
    ),
    Check(
        id="clock",
        title="Clock",
        area=Area.CALCOM,
        means="News is put in order by the time at which it was so. With a wrong clock old news "
        "can look newer than new.",
        every=TEN_MINUTES,
        look=asking.each_with_key(answering.look_clock),
    ),
    Check(
        id="budget",
        title="Requests",
        area=Area.CALCOM,
        means="Cal.com answers a key only so often in a minute. When that is used up, missed "
        "bookings are found later.",
        every=TEN_MINUTES,
        look=asking.each_with_key(answering.look_budget),
    ),
    Check(
        id="private-links",
        title="Private links",
        area=Area.CALCOM,
        means="A private link is for one candidate alone, and can be taken back. Without them "
        "candidates get the public page; whose booking it is, is known all the same.",
        every=HOUR,
        look=asking.each_with_key(scope.look_private_links),
    ),
    Check(
        id="team-events",
        title="Team event types",
        area=Area.CALCOM,
        means="A personal webhook does not hear of a team's event types: their bookings are seen "
        "only when Greenroom asks, up to a minute later.",
        every=TEN_MINUTES,
        look=asking.each_with_key(scope.look_team_events),
    ),
)
