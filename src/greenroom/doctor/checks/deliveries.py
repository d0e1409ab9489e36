"""Checks: deliveries."""

from collections.abc import Sequence

from greenroom.doctor.checks.missed import DRIFT
from greenroom.doctor.checks.rhythm import LAST_DELIVERY
from greenroom.doctor.checks.signatures import SIGNATURES
from greenroom.doctor.checks.trial import PROBE
from greenroom.doctor.examination import Check

CHECKS: Sequence[Check] = (LAST_DELIVERY, SIGNATURES, DRIFT, PROBE)
