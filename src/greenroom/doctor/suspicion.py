"""Why news did not arrive, as far as it can be guessed, and which check to look at."""

from datetime import datetime

from greenroom.calcom.connections import Connection
from greenroom.calcom.replies import CalcomError
from greenroom.calcom.subscription import Flaw
from greenroom.calcom.webhook import Refusal
from greenroom.deliveries import rejections
from greenroom.deliveries.following import Followed
from greenroom.deliveries.store import State
from greenroom.doctor import our_webhook
from greenroom.doctor.examination import Examination
from greenroom.doctor.our_webhook import Ours
from greenroom.errors import GreenroomError


async def of_silence(exam: Examination, connection: Connection, since: datetime) -> str:
    """What to do where nothing came since then."""
    async with exam.parts.database.transaction() as tx:
        counted = await rejections.rejected(tx)
    refused = [Refusal(why) for why, (_, at) in counted.items() if at >= since]
    if refused:
        return f"A request came and was refused: {refused[0].what} See the check Signatures."
    if not exam.parts.address.is_reachable_from(connection.api_url):
        return "Cal.com cannot reach this address: see the check of the public address."
    try:
        ours = await our_webhook.look_up(exam, connection)
    except CalcomError as error:
        return f"{error.what} See the check API."
    except GreenroomError as error:
        return f"{error.what} {error.do}"
    return _of_webhook(ours)


def _of_webhook(ours: Ours) -> str:
    if ours.kept is None:
        return "Cal.com has no webhook for this Greenroom: see the check Webhook."
    if not ours.kept.active:
        return "The webhook is switched off: see the check Webhook switched on."
    if ours.kept.url != ours.url:
        return "The webhook leads to another address: see the check Webhook address."
    if ours.has(Flaw.EVENTS):
        return "The webhook does not tell of it: see the check Webhook events."
    return (
        "The webhook is in order, so the request was lost on its way: see whether `greenroom "
        "serve` runs, and the checks of the address."
    )


def of_unread(told: Followed, connection: Connection) -> str:
    """What to do where a delivery came and led to nothing."""
    if told.connection_id != connection.id:
        return (
            "It is signed with the secret of another connection: two accounts have the same "
            "webhook secret. Make a new one on the Connections page."
        )
    if told.state is State.NEW:
        return "It was kept and not read: see the check Background."
    return f"See what stands beside delivery {told.id} on the Deliveries page."
