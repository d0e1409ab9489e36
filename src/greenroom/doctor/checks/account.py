"""Checks: account."""

from collections.abc import Sequence

from greenroom.doctor.examination import Check

CHECKS: Sequence[Check] = ()
