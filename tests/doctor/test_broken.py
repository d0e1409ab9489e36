"""For every check there is a test that breaks just that, sees it, and sees it well again."""

import re
from pathlib import Path

import pytest

from greenroom.doctor.catalogue import CHECKS

HERE = Path(__file__).parent

BREAKING = {
    "connected": "test_account:a_connection_that_only_listens_cannot_ask_what_it_missed",
    "key": "test_account:a_key_that_was_revoked_is_told_once_and_works_again_when_replaced",
    "api": "test_account:a_cal_com_that_does_not_answer_is_red",
    "clock": "test_account:clocks_that_differ_are_told",
    "budget": "test_account:a_rate_limit_that_is_reached_is_amber",
    "private-links": "test_account:a_cal_com_without_private_links_is_amber",
    "team-events": "test_account:team_event_types_that_the_webhook_misses_are_named",
    "webhook-there": "test_webhook:a_webhook_that_somebody_deleted_is_made_again",
    "webhook-on": "test_webhook:a_webhook_that_was_switched_off_is_switched_on",
    "webhook-address": "test_webhook:a_webhook_that_leads_elsewhere_is_moved",
    "webhook-events": "test_webhook:events_that_were_unticked_are_ticked_again",
    "webhook-template": "test_webhook:a_template_is_removed",
    "webhook-secret": "test_webhook:a_wrong_secret_is_entered_anew",
    "webhook-version": "test_webhook:a_version_that_greenroom_does_not_know_is_set_back",
    "public-address": "test_address:what_is_set_is_judged_too",
    "address-reachable": (
        "test_address:an_address_that_leads_here_is_green_and_one_that_redirects_is_red"
    ),
    "signatures": "test_signatures:what_cal_com_signs_with_is_recognised_and_mended",
    "last-delivery": (
        "test_last_delivery:"
        "a_webhook_switched_off_behind_our_back_is_amber_and_fix_it_ends_the_silence"
    ),
    "probe": "test_probe:a_webhook_that_is_off_is_named_as_the_cause_and_nothing_is_left",
    "drift": "test_drift:many_lost_bookings_are_amber_for_an_hour_with_the_time_they_were_lost",
    "background": "test_work:a_silent_part_is_named_and_heard_again",
    "jobs": "test_work:a_job_that_failed_for_good_is_tried_again_when_asked",
    "deliveries-read": "test_work:deliveries_that_are_not_read_are_told",
    "mail-server": "test_mail:a_refused_login_is_red_until_the_password_is_right",
    "mail-from": "test_mail_sender:each_record_that_is_missing_or_wrong_is_amber_until_it_is_right",
    "outbox": "test_outbox:a_letter_that_was_given_up_is_amber_until_it_is_tried_again",
    "database": "test_database:a_transaction_left_open_is_seen",
    "migrations": "test_database:tables_of_another_version_are_said",
    "disk": "test_database:a_disk_is_told_by_the_room_that_is_left",
    "secrets": "test_safety:a_key_that_others_may_read_is_amber_until_its_file_is_closed",
    "unsigned": "test_safety:unsigned_deliveries_are_amber_until_the_setting_is_gone",
    "time-zones": "test_safety:time_zones_grow_old",
}
"""Where each is broken. A new check needs a line, and the test that it names."""


def test_every_check_is_broken_by_a_test():
    assert set(BREAKING) == set(CHECKS)
    assert len(set(BREAKING.values())) == len(BREAKING), "each breaks just that"


@pytest.mark.parametrize(("check_id", "named"), BREAKING.items(), ids=BREAKING)
def test_that_test_sees_it_wrong_and_well_again(check_id, named):
    module, name = named.split(":")
    text = (HERE / f"{module}.py").read_text()
    begins = re.compile(rf"^(async )?def test_{name}\(", re.MULTILINE)
    (test,) = [each for each in text.split("\n\n\n") if begins.search(each)]

    assert re.search(r"Light\.(RED|AMBER)|is_red\(|mended\(", test), "it is seen wrong"
    assert re.search(r"Light\.GREEN|mended\(", test), "and well again"
    assert f'"{check_id}"' in text, "it is about that check"
