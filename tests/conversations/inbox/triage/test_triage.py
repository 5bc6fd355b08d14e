"""Triage rules: which team a conversation goes to, and what a trial says without changing anything."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.organisation import tiers
from conversations import services
from conversations.inbox import states, tags
from conversations.inbox.teams.teams import TeamSettings, create_team, delete_team
from conversations.inbox.triage.triage import (
    RuleSettings,
    create_triage_rule,
    delete_triage_rule,
    move_triage_rule,
    revise_triage_rule,
    try_rule,
)
from conversations.messages.file_contents import measure_storage
from conversations.messages.files.rules import Upload
from conversations.models import (
    Attachment,
    CannedReply,
    Conversation,
    ConversationTag,
    Message,
    Team,
    Triage,
    TriageRule,
)
from conversations.replies import canned_replies, triage_replies
from conversations.replies.canned_replies import CannedText
from conversations.services import Draft, Sender
from conversations.types import SenderIdentity
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.models import BusinessCalendar
from tests import files
from tests.api.office import Office
from tests.conversations.conftest import AGENT, Shop
from tests.conversations.inbox.teams.test_teams import DESK
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db


@pytest.fixture
def teams(shop: Shop) -> dict[str, Team]:
    """A default team, and one for money."""
    admin = shop.world.actor("admin")
    names = {"Care": True, "Money": False}
    return {
        name: create_team(actor=admin, settings=TeamSettings(name=name, is_default=is_default))
        for name, is_default in names.items()
    }


def rule(shop: Shop, name: str, condition: str = "", **more: Any) -> TriageRule:
    """Let an administrator make an active rule."""
    settings = RuleSettings(name, condition, **{"is_active": True, **more})
    return create_triage_rule(actor=shop.world.actor("admin"), settings=settings)


def needs_person(shop: Shop, text: str, number: int = 1, **fields: Any) -> Conversation:
    """Let a visitor write, and an agent hand them over."""
    sender = SenderIdentity(kind="webchat", value=f"visitor-{number}")
    pk = shop.write(text, sender=sender, **fields).conversation_id
    return services.hand_off(actor=AGENT, conversation_id=pk, reason="asked_for_person")


@pytest.mark.slow
def test_first_rule_that_fits_sends_it_and_later_ones_fill_what_is_open(shop: Shop, teams: dict[str, Team]) -> None:
    tag = tags.create_tag(actor=shop.world.actor("admin"), name="Refunds")
    rule(shop, "Urgent", '"now" in words', priority=4, goes_on=True)
    rule(shop, "Money", '"refund" in words and channel == "webchat"', team_id=teams["Money"].pk, tag_id=tag.pk)
    rule(shop, "Never", "", team_id=teams["Care"].pk, priority=1, is_active=False)
    rule(shop, "VIP", '"vip" in contact_tags or earlier_team == "Money"', team_id=teams["Money"].pk)
    both = needs_person(shop, "My REFUND now! I am ann@example.com", 1)
    assert (both.team_id, both.priority) == (teams["Money"].pk, 4)
    kept = Triage.objects.get(conversation=both)
    assert kept.rule_name == "Urgent, Money"
    assert "words" not in kept.facts
    assert "ann@example.com" not in str(kept.facts)
    assert ConversationTag.objects.filter(conversation=both, tag=tag).exists()
    plain = needs_person(shop, "Hello", 2)
    assert (plain.team_id, plain.priority, Triage.objects.count()) == (teams["Care"].pk, 2, 1)
    services.close(actor=AGENT, conversation_id=both.pk, resolved=True)
    later = needs_person(shop, "Hello again", 1, now=now() + timedelta(days=30))
    assert (later.pk != both.pk, later.team_id) == (True, teams["Money"].pk)
    states.escalate(actor=shop.world.actor("support"), conversation_id=plain.pk, reason="complaint")
    assert Triage.objects.filter(conversation=plain).count() == 0  # it has its team already


def test_rule_that_cannot_be_read_is_left_out(shop: Shop, teams: dict[str, Team]) -> None:
    broken = rule(shop, "Broken", team_id=teams["Money"].pk)
    TriageRule.objects.filter(pk=broken.pk).update(condition="nonsense >")
    rule(shop, "Next", '"refund" in words', priority=3)
    talk = needs_person(shop, "refund")
    assert (talk.team_id, talk.priority) == (teams["Care"].pk, 3)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        (RuleSettings("", "", priority=3), "name"),
        (RuleSettings("x" * 61, "", priority=3), "name"),
        (RuleSettings("A", "cost > 5", priority=3), "condition"),  # a fact of requests
        (RuleSettings("A", '"x" in', priority=3), "condition"),
        (RuleSettings("A", "hour == 'late'", priority=3), "condition"),
        (RuleSettings("A", ""), "team_id"),
        (RuleSettings("A", "", team_id=uuid4()), "team_id"),
        (RuleSettings("A", "", tag_id=uuid4()), "tag_id"),
        (RuleSettings("A", "", reply_id=uuid4()), "reply_id"),
        (RuleSettings("A", "", priority=9), "priority"),
    ],
)
def test_wrong_rule_is_refused_at_its_field(shop: Shop, settings: RuleSettings, field: str) -> None:
    with pytest.raises(Invalid) as problem:
        create_triage_rule(actor=shop.world.actor("admin"), settings=settings)
    assert list(problem.value.facts["fields"]) == [field]
    assert not TriageRule.objects.exists()


@pytest.mark.slow
def test_rules_are_kept_in_order_by_who_manages(shop: Shop, teams: dict[str, Team]) -> None:
    admin, support = shop.world.actor("admin"), shop.world.actor("support")
    made = [rule(shop, name, priority=3) for name in ("One", "Two", "Three")]
    for up, expected in ((True, ["One", "Three", "Two"]), (True, ["Three", "One", "Two"]), (True, None), (False, None)):
        move_triage_rule(actor=admin, rule_id=made[2].pk, up=up)
        if expected:
            assert list(TriageRule.objects.order_by("position").values_list("name", flat=True)) == expected
    with pytest.raises(Conflict):
        rule(shop, "oNe", priority=3)
    with pytest.raises(Refused):
        delete_triage_rule(actor=support, rule_id=made[0].pk)
    with pytest.raises(Refused):
        try_rule(actor=support, rule_id=made[0].pk)
    with pytest.raises(Conflict):
        revise_triage_rule(actor=admin, rule_id=made[0].pk, settings=RuleSettings("One", priority=1), seen_version=9)
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        try_rule(actor=shop.world.outsider(), rule_id=made[0].pk)
    sends = rule(shop, "Sends", team_id=teams["Money"].pk)
    with pytest.raises(Conflict, match="Sends"):
        delete_team(actor=admin, team_id=teams["Money"].pk)
    delete_triage_rule(actor=admin, rule_id=sends.pk)
    delete_team(actor=admin, team_id=teams["Money"].pk)
    delete_triage_rule(actor=admin, rule_id=made[0].pk, seen_version=1)
    assert AuditEntry.objects.filter(action="TRIAGE_RULE_DELETED").count() == 2


@pytest.mark.slow
def test_trial_says_what_would_differ_and_changes_nothing(shop: Shop, teams: dict[str, Team]) -> None:
    for number in range(4):
        needs_person(shop, "Where is my refund?" if number < 3 else "Hello", number)
    tried = rule(shop, "Money", '"refund" in words', team_id=teams["Money"].pk, is_active=False)
    before = AuditEntry.objects.count()
    with CaptureQueriesContext(connection) as queries:
        found = try_rule(actor=shop.world.actor("admin"), rule_id=tried.pk)
    assert (found.looked_at, found.meets, found.differs) == (4, 3, 3)
    assert {(one.old_team, one.new_team) for one in found.differences} == {("Care", "Money")}
    assert len(queries) <= 14
    assert not [one["sql"] for one in queries if one["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert (AuditEntry.objects.count(), Triage.objects.count()) == (before, 0)
    with pytest.raises(Invalid):
        try_rule(actor=shop.world.actor("admin"), rule_id=tried.pk, days=91)
    client = Client()
    client.force_login(shop.world.people["admin"], backend="accounts.backends.RoleBackend")
    home = "/admin/conversations/triagerule/"
    shown = client.post(f"{home}{tried.pk}/try/", {"days": "7"}).content.decode()
    assert "3 of 4 conversations would have been treated differently" in shown
    assert client.post(f"{home}{tried.pk}/try/", {"days": "0"}).status_code == 400
    form = {"name": "Late", "condition": "hour >= 22", "team_id": str(teams["Care"].pk), "priority": "", "tag_id": ""}
    assert client.post(f"{home}create/", form).status_code == 302
    assert client.post(f"{home}create/", {**form, "name": "X", "condition": "nonsense"}).status_code == 400
    assert "hour &gt;= 22" in client.get(home).content.decode()
    talk = needs_person(shop, "now", 9)
    rule(shop, "All", "", team_id=teams["Money"].pk)
    sorted_one = needs_person(shop, "again", 10)
    assert (
        "<dt>Sorted by</dt><dd>All</dd>"
        in client.get(f"/admin/conversations/conversation/{sorted_one.pk}/").content.decode()
    )
    assert "Sorted by" not in client.get(f"/admin/conversations/conversation/{talk.pk}/").content.decode()


def canned(shop: Shop, text: str = "Hello {{ first_name }}", **fields: Any) -> CannedReply:
    """Let an administrator write a canned reply."""
    wanted = CannedText(fields.pop("shortcut", "money"), "Money back", text, **fields)
    return canned_replies.create_canned_reply(actor=shop.world.actor("admin"), wanted=wanted)


def replies_in(talk: Conversation) -> list[str]:
    """What automatic texts its customer got."""
    return [row.body for row in Message.objects.filter(conversation=talk, sender_type="system").order_by("seq")]


def send_all(moment: datetime | None = None) -> list[bool]:
    """Run the tasks that the sweep finds."""
    due = triage_replies.list_triage_replies_due(now=moment or now() + timedelta(seconds=10))
    return [triage_replies.send_triage_reply(actor=DESK, triage_id=pk, now=moment) for _, pk in due]


@pytest.mark.slow
def test_rule_answers_once_with_an_automatic_text_that_stops_no_clock(shop: Shop, teams: dict[str, Team]) -> None:
    reply = canned(shop, translations={"de": "Hallo"})
    rule(shop, "Money", '"refund" in words', reply_id=reply.pk)
    before = needs_person(shop, "refund", 9)
    send_all()
    talk = needs_person(shop, "refund please", 1)
    waits_since = Conversation.objects.get(pk=talk.pk).waiting_since
    [triage] = Triage.objects.filter(conversation=talk)
    assert (triage.reply_id, replies_in(talk)) == (reply.pk, [])
    assert triage_replies.list_triage_replies_due() == []  # its task has a moment
    assert triage_replies.send_triage_reply(actor=DESK, triage_id=triage.pk)
    assert not triage_replies.send_triage_reply(actor=DESK, triage_id=triage.pk)
    assert (replies_in(talk), replies_in(before)) == (["Hello"], ["Hello"])
    row = Conversation.objects.get(pk=talk.pk)
    assert (row.first_answered_at, row.first_person_answered_at, row.waiting_since) == (None, None, waits_since)
    assert AuditEntry.objects.filter(action="TRIAGE_REPLY_SENT", object_id=talk.pk).count() == 1
    # Sorted again by the same rule: it has said this before.
    Conversation.objects.filter(pk=talk.pk).update(team=None)
    states.escalate(actor=shop.world.actor("support"), conversation_id=talk.pk, reason="complaint")
    assert (send_all(), replies_in(talk)) == ([False], ["Hello"])
    german = needs_person(shop, "refund bitte", 2)
    Conversation.objects.filter(pk=german.pk).update(language="de")
    assert (send_all(), replies_in(german)) == ([True], ["Hallo"])
    with pytest.raises(Refused):
        triage_replies.send_triage_reply(actor=shop.world.actor("admin"), triage_id=triage.pk)


@pytest.mark.parametrize("why", ["answered", "closed", "given_back", "late", "automatic"])
def test_rule_says_nothing_where_it_would_come_too_late(shop: Shop, teams: dict[str, Team], why: str) -> None:
    rule(shop, "Money", "", reply_id=canned(shop).pk)
    talk, support, moment = needs_person(shop, "refund"), shop.world.actor("support"), now() + timedelta(seconds=10)
    if why == "answered":
        services.reply(
            actor=support, conversation_id=talk.pk, draft=Draft(text="I'm here.", sender=Sender(type="person"))
        )
    elif why == "closed":
        services.close(actor=support, conversation_id=talk.pk, resolved=True)
    elif why == "automatic":
        Message.objects.filter(conversation=talk).update(metadata={"mail": {"automatic": "list"}})
    elif why == "given_back":
        states.take_over(actor=support, conversation_id=talk.pk)
        states.give_back(actor=support, conversation_id=talk.pk)
    else:
        moment += timedelta(hours=1)
    assert (send_all(moment), replies_in(talk), triage_replies.list_triage_replies_due(now=moment)) == ([False], [], [])


@pytest.mark.slow
def test_lost_task_or_worker_sends_it_once_with_files_and_by_the_queue(shop: Shop, teams: dict[str, Team]) -> None:
    admin = shop.world.actor("admin")
    reply = canned(shop)
    canned_replies.add_canned_files(actor=admin, reply_id=reply.pk, files=[Upload("label.pdf", files.PDF)])
    rule(shop, "Money", "", reply_id=reply.pk)
    chat = needs_person(shop, "refund", 1)
    phone = shop.call("refund").conversation_id
    services.hand_off(actor=AGENT, conversation_id=phone, reason="asked_for_person")
    first, second = Triage.objects.order_by("id")
    Triage.objects.filter(pk=first.pk).update(reply_due_at=now() + timedelta(seconds=90))  # a worker has it, and dies
    assert not triage_replies.send_triage_reply(actor=DESK, triage_id=first.pk)
    assert triage_replies.send_triage_reply(actor=DESK, triage_id=second.pk)
    assert Message.objects.get(conversation_id=phone, direction="out").status == "queued"
    assert [pk for _, pk in triage_replies.list_triage_replies_due(now=now() + timedelta(minutes=2))] == [first.pk]
    assert send_all(now() + timedelta(minutes=2)) == [True]
    assert replies_in(chat) == ["Hello"]
    assert {file.message.conversation_id for file in Attachment.objects.select_related("message")} == {chat.pk, phone}


@pytest.mark.slow
def test_text_is_sent_without_files_beyond_what_the_organisation_may_store(shop: Shop, teams: dict[str, Team]) -> None:
    reply = canned(shop)
    canned_replies.add_canned_files(
        actor=shop.world.actor("admin"), reply_id=reply.pk, files=[Upload("label.pdf", files.PDF)]
    )
    rule(shop, "Money", "", reply_id=reply.pk)
    talk = needs_person(shop, "refund")
    tier = tiers.create_tier(actor=OPERATOR, name="Small", limits={"storage": 0})
    tiers.give_tier(actor=OPERATOR, slug=shop.world.acme.slug, tier_id=tier.pk)
    measure_storage()
    assert (send_all(), replies_in(talk), Attachment.objects.count()) == ([True], ["Hello"], 0)


def test_canned_reply_that_a_rule_sends_stays_fit_for_it(shop: Shop, teams: dict[str, Team]) -> None:
    admin = shop.world.actor("admin")
    mine = canned(shop, is_personal=True)
    signed = canned(shop, "This is {{ my_name }}", shortcut="signed")
    for reply in (mine, signed):
        with pytest.raises(Invalid) as problem:
            rule(shop, "Money", "", reply_id=reply.pk)
        assert list(problem.value.facts["fields"]) == ["reply_id"]
    used = canned(shop, shortcut="used", team_id=teams["Money"].pk)
    rule(shop, "Money", "", reply_id=used.pk)
    for fields in ({"text": "I am {{ my_name }}"}, {"translations": {"de": "{{my_name}}"}}, {"is_personal": True}):
        wanted = CannedText(**{"shortcut": "used", "title": "Used", "text": "Hello", **fields})  # type: ignore[arg-type]
        with pytest.raises(Invalid):
            canned_replies.revise_canned_reply(actor=admin, reply_id=used.pk, wanted=wanted)
    for delete in (
        lambda: canned_replies.delete_canned_reply(actor=admin, reply_id=used.pk),
        lambda: delete_team(actor=admin, team_id=teams["Money"].pk),
    ):
        with pytest.raises(Conflict, match="Money"):
            delete()


@pytest.mark.slow
def test_trial_of_a_reply_lists_who_would_get_it_and_sends_nothing(shop: Shop, teams: dict[str, Team]) -> None:
    for number in range(2):
        needs_person(shop, "Where is my refund?", number)
    tried = rule(shop, "Money", '"refund" in words', reply_id=canned(shop).pk, is_active=False)
    with CaptureQueriesContext(connection) as queries:
        found = try_rule(actor=shop.world.actor("admin"), rule_id=tried.pk)
    assert [(one.reply, one.new_team) for one in found.differences] == [("Money back", "Care")] * 2
    assert not [one["sql"] for one in queries if one["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert (send_all(), Message.objects.filter(direction="out").count()) == ([], 0)
    client = Client()
    client.force_login(shop.world.people["admin"], backend="accounts.backends.RoleBackend")
    shown = client.post(f"/admin/conversations/triagerule/{tried.pk}/try/", {"days": "7"}).content.decode()
    assert shown.count("the customer would get “Money back”") == 2
    caller = Office(shop.world).caller("admin")
    differences = caller.post(f"triage-rules/{tried.pk}/try/", {}).json()["differences"]
    assert [one["reply"] for one in differences] == ["Money back"] * 2
    assert caller.get(f"triage-rules/{tried.pk}/").json()["reply_id"] == str(tried.reply_id)
    wrong = caller.post("triage-rules/", {"name": "X", "reply_id": str(uuid4())})
    assert (wrong.status_code, list(wrong.json()["fields"])) == (400, ["reply_id"])


@pytest.mark.parametrize(("confidence", "is_met"), [(20, True), (80, False), (None, False)])
def test_confidence_of_the_agents_answer_is_a_fact_that_may_be_unknown(
    shop: Shop, teams: dict[str, Team], confidence: int | None, is_met: bool
) -> None:
    rule(shop, "Unsure", "confidence < 50", priority=4, goes_on=True)
    rule(shop, "Either", 'confidence < 50 or "refund" in words', team_id=teams["Money"].pk)
    shop.write("refund")
    talk = Conversation.objects.get()
    services.reply(actor=AGENT, conversation_id=talk.pk, draft=Draft(text="Perhaps.", confidence=confidence))
    found = services.hand_off(actor=AGENT, conversation_id=talk.pk, reason="low_confidence")
    assert (found.priority, found.team_id) == (4 if is_met else 2, teams["Money"].pk)
    assert Triage.objects.get().facts["confidence"] == confidence


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("hour > 23", "hour is a whole number from 0 to 23"),
        ("hour in (24, 25)", "hour is a whole number"),
        ('urgency > 100 or "refund" in words', "urgency is a whole number"),
        ('channel == "pigeon"', "channel is never “pigeon”"),
        ('weekday in ("mon", "monday")', "weekday is never “monday”. Use fri, mon"),
        ('account == "Nowhere"', "account is never “Nowhere”. Use Chat, Line"),
        ('"Refund" in words', "“Refund” is never among the words"),
        ('"money back" in words', "a single word in lower case"),
        ('not verified == "maybe"', "verified is never “maybe”. Use no, yes"),
        ('colour == "red"', "is not a fact"),
    ],
)
def test_condition_that_is_never_met_is_refused_with_what_it_can_be(shop: Shop, condition: str, words: str) -> None:
    with pytest.raises(Invalid) as problem:
        rule(shop, "Never", condition, priority=3)
    assert words in problem.value.facts["fields"]["condition"][0]


@pytest.mark.slow
def test_working_hours_are_those_of_the_default_teams_calendar(shop: Shop) -> None:
    week = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    calendar = BusinessCalendar.objects.create(name="Office", zone="Europe/Berlin", week=week)
    settings = TeamSettings("Desk", calendar_id=calendar.pk, is_default=True)
    create_team(actor=shop.world.actor("admin"), settings=settings)
    rule(shop, "At night", 'working_hours == "no"', priority=4, is_active=True)
    found = {}
    moments = {
        "day": datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
        "evening": datetime(2026, 11, 23, 16, 0, tzinfo=UTC),
        "weekend": datetime(2026, 11, 28, 10, 0, tzinfo=UTC),
    }
    for name, moment in moments.items():
        talk = shop.conversation(sender=SenderIdentity(kind="webchat", value=name), now=moment)
        handed = services.hand_off(actor=AGENT, conversation_id=talk.pk, reason="asked_for_person", now=moment)
        found[name] = handed.priority
    assert found == {"day": 2, "evening": 4, "weekend": 4}
