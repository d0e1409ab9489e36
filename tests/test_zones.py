"""Which names are time zones."""

import pytest

from greenroom import zones


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("asia/calcutta", "Asia/Calcutta"),
        (" US/Eastern ", "US/Eastern"),
        ("Europe/Kiev", "Europe/Kiev"),
        ("FOO+3", None),
        ("../../etc/passwd", None),
        ("localtime", None),
        ("posixrules", None),
        ("right/UTC", None),
        ("posix/Europe/Berlin", None),
        ("__init__/x", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_zones_are_those_of_the_pinned_list_old_names_too(text, zone):
    assert zones.spelt(text) == zone


def test_every_name_of_ianas_is_a_zone_that_tells_the_time():
    names = [*zones._names().values()]

    assert len(names) > 590
    assert [zones.found(name).key for name in names] == names
