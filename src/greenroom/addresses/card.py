"""What a page shows of our address."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from greenroom.addresses import following
from greenroom.addresses.address import Address
from greenroom.addresses.model import Place, Source, Standing
from greenroom.booking_links import actions as booking_links
from greenroom.calcom.connections import Connection
from greenroom.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Our address, and what has become of it.

    `told` are the connections whose Cal.com delivers here, `behind` those that will be told,
    `by_hand` those that only a person can tell. `stranded` is how many booking links that still
    work were sent with an earlier address. `came_by` is one that a trusted proxy named, where it
    would be better than what there is.
    """

    place: Place
    webhook_url: str
    standing: Standing
    may_be_public: bool
    looks: bool
    """Whether tunnels are found by themselves."""
    told: Sequence[Connection]
    behind: Sequence[Connection]
    by_hand: Sequence[Connection]
    stranded: int
    came_by: str | None

    @property
    def is_lost(self) -> bool:
        """Whether the tunnel that is our address has stopped."""
        return self.place == self.standing.found and self.standing.lost_at is not None

    @property
    def is_only_here(self) -> bool:
        """Whether nobody but this machine reaches us."""
        return self.place.is_local and not self.place.source.is_tunnel

    @property
    def is_changeable(self) -> bool:
        """Whether a person may say another address here."""
        return self.may_be_public and self.place.source is not Source.SETTING

    @property
    def has_moved(self) -> bool:
        """Whether the public reached us elsewhere before."""
        return self.standing.previous not in {None, self.place.origin}

    @property
    def port(self) -> str:
        """Where a tunnel has to lead."""
        return self.place.origin.rpartition(":")[2]

    @property
    def is_plain(self) -> bool:
        """Whether Cal.com's own cloud would refuse to deliver there."""
        return not self.place.is_local and self.place.origin.startswith("http://")

    @property
    def other(self) -> Place | None:
        """A tunnel that would be used if nobody had typed an address."""
        found = self.standing.found
        return found if found and found != self.place and self.standing.lost_at is None else None


async def card(
    tx: Transaction,
    address: Address,
    known: Sequence[Connection],
    *,
    came_by: str | None,
    now: datetime,
) -> Card:
    """The card for these connections; `came_by` is from `model.came_by`."""
    standing = address.standing
    stranded = 0
    if standing.previous is not None and standing.since is not None:
        stranded = await booking_links.sent_before(tx, standing.since, now)
    here = address.webhook_url
    asked = [each for each in known if each.api_key is not None]
    behind = [each for each in asked if following.is_behind(each, address)]
    found = Card(
        place=address.place,
        webhook_url=here,
        standing=standing,
        may_be_public=address.may_be_public,
        looks=address.looks,
        told=[each for each in asked if each.webhook_url == here],
        behind=behind,
        by_hand=[each for each in known if each.api_key is None],
        stranded=stranded,
        came_by=None,
    )
    is_poor = found.is_only_here or found.is_lost or found.is_plain
    if came_by is None or address.setting is not None or came_by == found.place.origin:
        return found
    return replace(found, came_by=came_by) if is_poor else found
