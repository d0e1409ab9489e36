"""Checks: where the public reaches us, and whether that address leads here."""

from collections.abc import Sequence

from greenroom.addresses.address import Address
from greenroom.addresses.model import Source, is_local
from greenroom.calcom.connections import Connection
from greenroom.doctor.examination import MINUTE, TEN_MINUTES, Check, Examination
from greenroom.doctor.model import Area, Finding, Light
from greenroom.doctor.words import moment
from greenroom.errors import Conflict

_WHO = {
    Source.SETTING: "set by GREENROOM_PUBLIC_URL",
    Source.TYPED: "typed in",
    Source.NGROK: "found: ngrok",
    Source.CLOUDFLARED: "found: cloudflared",
    Source.LOCAL: "this machine’s own",
}
_LOOK = "Look for a tunnel"


async def _address(exam: Examination) -> Sequence[Finding]:
    address = exam.parts.address
    if address.is_disputed and address.may_be_public:
        return [_disputed(address)]
    lost_at = address.standing.lost_at
    if lost_at is not None and address.place == address.standing.found:
        return [
            Finding(
                light=Light.RED,
                what=f"{address.source.value} stopped {moment(lost_at)}: "
                f"{address.origin} leads nowhere.",
                do="Start it again, or type another address under Settings. Cal.com is told of a "
                "new one by itself; until then it is asked each minute.",
                offer=_LOOK,
            )
        ]
    if address.is_local:
        return [_of_this_machine(address, exam.connections)]
    if address.origin.startswith("http://"):
        return [
            Finding(
                light=Light.AMBER,
                what=f"{address.origin} has no https ({_WHO[address.source]}).",
                do="Put a proxy with a certificate in front of Greenroom, and give its https "
                "address: Cal.com’s own cloud delivers to no other.",
            )
        ]
    return [Finding(light=Light.GREEN, what=f"{address.origin} ({_WHO[address.source]}).")]


def _disputed(address: Address) -> Finding:
    settled = address.standing.place
    return Finding(
        light=Light.AMBER,
        what=f"Two Greenrooms run on this database with different addresses: {address.origin} "
        f"({_WHO[address.source]}) here, and {settled.origin if settled else 'another'} elsewhere.",
        do="Give all of them the same GREENROOM_PUBLIC_URL, then start them again. Or stop the one "
        "that should not run. Cal.com is told of no change meanwhile.",
    )


def _of_this_machine(address: Address, known: Sequence[Connection]) -> Finding:
    if not address.may_be_public:
        return Finding(
            light=Light.OFF,
            what="Only this machine reaches Greenroom, as unsigned deliveries are taken.",
            do="Remove GREENROOM_UNSIGNED_WEBHOOKS before you give it a public address.",
        )
    if _are_all_here(known):
        return Finding(
            light=Light.GREEN, what="Cal.com runs on this machine too, and reaches Greenroom here."
        )
    refused = address.standing.refused
    if refused is not None and address.source is Source.LOCAL:
        return Finding(
            light=Light.AMBER,
            what=f"A tunnel was found, and is not used. {refused.what}",
            do=refused.do,
            offer=_LOOK,
        )
    changing = address.source is Source.SETTING
    port = address.origin.rpartition(":")[2]
    found = "; it is found by itself" if address.looks else ", and type its address under Settings"
    return Finding(
        light=Light.AMBER if known else Light.OFF,
        what=f"Only this machine reaches Greenroom, at {address.origin}: Cal.com cannot deliver, "
        "and candidates cannot open their links.",
        do="Change GREENROOM_PUBLIC_URL to an address that others reach, then start again."
        if changing
        else f"On a laptop, start a tunnel with `ngrok http {port}` or `cloudflared tunnel --url "
        f"{address.origin}`{found}. On a server, set GREENROOM_PUBLIC_URL.",
        offer=None if changing or not address.looks else _LOOK,
    )


def _are_all_here(known: Sequence[Connection]) -> bool:
    return bool(known) and all(is_local(each.api_url) for each in known)


async def _look_for_a_tunnel(exam: Examination, connection: Connection | None) -> str:
    del connection
    address = exam.parts.address
    if address.setting is not None or address.source is Source.SETTING:
        raise Conflict(
            f"The address is set to {address.origin} where Greenroom is started.",
            do="Change GREENROOM_PUBLIC_URL, then start Greenroom again.",
        )
    await exam.parts.watch.step(exam.now)
    standing = address.standing
    if address.source.is_tunnel and standing.lost_at is None:
        return f"Found {address.origin}; Cal.com is told."
    if standing.refused is not None:
        raise Conflict(f"A tunnel was found, but: {standing.refused.what}", do=standing.refused.do)
    raise Conflict(
        "No tunnel to this Greenroom runs on this machine.",
        do=f"Start one with `ngrok http {address.local.rpartition(':')[2]}`; it is found by "
        "itself. Or type an address under Settings.",
    )


async def _reachable(exam: Examination) -> Sequence[Finding]:
    address = exam.parts.address
    if address.is_local and not (address.source.is_tunnel or address.source is Source.TYPED):
        if address.may_be_public and _are_all_here(exam.connections):
            what = "Not looked at: Cal.com runs on this machine too, and needs no public address."
            return [Finding(light=Light.OFF, what=what)]
        return [
            Finding(
                light=Light.OFF,
                what="Not looked at: the address is this machine’s own.",
                do="First give Greenroom a public address.",
            )
        ]
    if address.standing.lost_at is not None and address.place == address.standing.found:
        return [
            Finding(
                light=Light.OFF,
                what="Not looked at while the tunnel is stopped.",
                do="First start the tunnel again.",
            )
        ]
    found = await exam.parts.look(address.place)
    if not found.is_well:
        light = Light.RED if found.was_asked else Light.OFF
        return [Finding(light=light, what=found.what, do=found.do)]
    return [
        Finding(
            light=Light.GREEN,
            what=f"{address.webhook_url} answers 200 without a redirect, and it is this Greenroom. "
            "Looked at from here: from outside it can be otherwise.",
        )
    ]


CHECKS: Sequence[Check] = (
    Check(
        id="public-address",
        title="Public address",
        area=Area.ADDRESS,
        means="Cal.com delivers bookings to this address, and candidates’ links begin with it. "
        "Without one, Greenroom learns of bookings by asking, and candidates see nothing.",
        every=MINUTE,
        look=_address,
        mend=_look_for_a_tunnel,
    ),
    Check(
        id="address-reachable",
        title="The address leads here",
        area=Area.ADDRESS,
        means="Cal.com tries a delivery once and follows no redirect: a proxy that redirects, a "
        "certificate that ran out or a tunnel to something else loses every one of them.",
        every=TEN_MINUTES,
        look=_reachable,
    ),
)
