"""An audience has two sizes, and both are said everywhere in the same words."""

import pytest

from conversations.contacts import contacts
from conversations.models import Contact
from core.actors import system
from hitl.models import Approval
from tests.agents.conftest import Desk

pytestmark = pytest.mark.slow

BOTH = "1,480 in the platform, 1 of them reachable here by chat"


@pytest.fixture
def one_vip(desk: Desk) -> Desk:
    desk.say("hello", "visitor")
    contacts.add_tag(actor=system("test"), contact_id=Contact.objects.get().pk, name="VIP customers")
    return desk


def test_list_says_both_numbers(one_vip: Desk) -> None:
    answer = one_vip.say("list audiences")
    assert f"- VIP customers: {BOTH}" in answer
    assert "- Lapsed buyers: 7,605 in the platform, none of them reachable here by chat" in answer


def test_request_and_its_preview_say_the_same(one_vip: Desk) -> None:
    assert BOTH in one_vip.say('Send "We open at eight" to VIP customers')
    preview = Approval.objects.get().preview
    assert BOTH in preview["headline"]
    assert [row["after"] for row in preview["rows"]] == [f"VIP customers: {BOTH}", "1"]


def test_audience_nobody_of_which_can_be_reached_is_not_asked_for(one_vip: Desk) -> None:
    answer = one_vip.say('Send "We open at eight" to Lapsed buyers')
    assert "7,605 in the platform, none of them reachable" in answer
    assert not Approval.objects.exists()


def test_platform_that_is_down_leaves_the_number_that_is_known(one_vip: Desk, settings: object) -> None:
    settings.SANDBOX_ADS_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    one_vip.say('Send "We open at eight" to VIP customers')
    assert Approval.objects.get().preview["headline"] == "Message 1 person in “VIP customers”"
