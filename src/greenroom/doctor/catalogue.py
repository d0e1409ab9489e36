"""Every check there is, in the order of the page."""

from collections.abc import Mapping

from greenroom.doctor.checks import (
    account,
    address,
    database,
    deliveries,
    mail,
    safety,
    webhook,
    work,
)
from greenroom.doctor.examination import Check

_AREAS = (account, webhook, address, deliveries, work, mail, database, safety)

CHECKS: Mapping[str, Check] = {each.id: each for area in _AREAS for each in area.CHECKS}
