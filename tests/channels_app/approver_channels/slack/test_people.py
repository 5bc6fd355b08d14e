"""Linking one's own Slack user: named in the console, proven by the code in the direct message."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import Notice
from channels_app.approver_channels import addresses
from channels_app.approver_channels.slack import connect, people
from channels_app.models import ColleagueAddress
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused, TooMany
from core.models import AuditEntry
from standins.slack import seed
from tests.channels_app.approver_channels.slack.conftest import ANNA, BEN, SECRET, Desk, expect
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db


def test_code_from_the_direct_message_links_once_and_is_noted(desk: Desk) -> None:
    admin = desk.world.actor("admin")
    desk.link("admin", BEN)
    person = people.colleague_of(desk.account, BEN)
    assert person == desk.world.people["admin"]
    assert people.slack_user_of(desk.account, desk.world.people["admin"].pk) == BEN
    actions = AuditEntry.objects.filter(actor_user_id=admin.user_id).values_list("action", flat=True)
    assert {"OWN_ADDRESS_CODE_SENT", "OWN_ADDRESS_LINKED"} <= set(actions)
    assert Notice.objects.filter(person_id=admin.user_id, kind=addresses.KIND, level="alert").count() == 1
    assert BEN not in str(list(AuditEntry.objects.values_list("facts", flat=True)))
    expect(Invalid, people.link, actor=admin, code=desk.code_for(BEN))
    with connection.cursor() as cursor:
        cursor.execute("select string_agg(t::text, '') from channels_app_colleagueaddress t")
        assert BEN not in cursor.fetchone()[0]


def test_wrong_late_or_another_persons_code_links_nothing(desk: Desk) -> None:
    admin, owner = desk.world.actor("admin"), desk.world.actor("owner")
    people.send_code(actor=admin, member_id=BEN)
    code = desk.code_for(BEN)
    account = desk.account
    expect(Invalid, addresses.confirm_code, actor=owner, account=account, code=code)
    late = now() + timedelta(minutes=11)
    expect(Invalid, addresses.confirm_code, actor=admin, account=account, code=code, now=late)
    for _ in range(addresses.TRIES):
        expect(Invalid, people.link, actor=admin, code="0000 0001")
    # After five tries even the right one is worth nothing.
    expect(Invalid, people.link, actor=admin, code=code)
    assert people.colleague_of(account, BEN) is None


@pytest.mark.slow
def test_newer_code_ends_the_older_and_codes_are_limited(desk: Desk) -> None:
    admin = desk.world.actor("admin")
    people.send_code(actor=admin, member_id=BEN)
    first = desk.code_for(BEN)
    people.send_code(actor=admin, member_id=BEN)
    if first != desk.code_for(BEN):
        expect(Invalid, people.link, actor=admin, code=first)
    for _ in range(addresses.CODES_PER_HOUR - 2):
        people.send_code(actor=admin, member_id=BEN)
    expect(TooMany, people.send_code, actor=admin, member_id=BEN)


def test_somebody_elses_slack_user_stays_theirs(desk: Desk) -> None:
    admin = desk.world.actor("admin")
    people.send_code(actor=admin, member_id=ANNA)
    expect(Conflict, people.link, actor=admin, code=desk.code_for(ANNA))
    assert people.colleague_of(desk.account, ANNA) == desk.world.people["approver"]


def test_new_link_replaces_ones_own_and_unlinking_ends_it(desk: Desk) -> None:
    approver = desk.world.actor("approver")
    desk.link("approver", BEN)
    assert people.colleague_of(desk.account, ANNA) is None
    people.unlink(actor=approver)
    assert people.colleague_of(desk.account, BEN) is None
    expect(NotFound, people.unlink, actor=approver)


def test_linking_needs_a_person_who_proved_themselves_just_now(desk: Desk) -> None:
    stale = replace(desk.world.actor("admin"), proven_lately=False)
    assert expect(Refused, people.send_code, actor=stale, member_id=BEN).code == "confirm_first"
    assert expect(Refused, people.link, actor=stale, code="1").code == "confirm_first"
    key = replace(desk.world.actor("admin"), kind="api_key")
    expect(Refused, people.send_code, actor=key, member_id=BEN)


@pytest.mark.parametrize(
    "member_id", ["", "anna", "C0123456789", "U1", "U0123456789" * 3, seed.member_id("globex", "x")]
)
def test_what_is_no_member_of_the_workspace_gets_no_code(desk: Desk, member_id: str) -> None:
    problem = expect(Invalid, people.send_code, actor=desk.world.actor("admin"), member_id=member_id)
    assert "member_id" in problem.facts["fields"]


def test_another_workspace_unlinks_everyone(desk: Desk) -> None:
    facts: dict[str, Any] = {
        "name": "Slack",
        "bot_token": seed.bot_token("globex", SECRET),
        "signing_secret": seed.signing_secret("globex", SECRET),
    }
    account = connect.connect_slack(actor=OPERATOR, account_id=desk.account.pk, **facts)
    assert (account.address, ColleagueAddress.objects.count()) == (seed.team_id("globex"), 0)
    assert AuditEntry.objects.get(action="SLACK_WORKSPACE_CHANGED").facts == {"unlinked": 1}
