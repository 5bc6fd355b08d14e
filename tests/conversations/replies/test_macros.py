"""Macros: all steps or none, each with its own right; a request waits for approval and is made once."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from conversations import services
from conversations.inbox import states, tags
from conversations.inbox.teams import teams
from conversations.inbox.teams.teams import Seat, TeamSettings
from conversations.messages import outbound
from conversations.messages.selectors import messages
from conversations.models import Conversation, ConversationTag, Macro, Message, Note
from conversations.replies import macros
from conversations.replies.macros import MacroSettings
from conversations.services import Draft, Sender
from conversations.types import SenderIdentity
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.models import Approval
from tests.console.scene import Budget, add_workflow
from tests.conversations.conftest import Shop

pytestmark = pytest.mark.django_db
CLOSE = {"close": {"resolved": True}}


def macro(shop: Shop, role: str = "admin", name: str = "Lost parcel", *, own: bool = False, **steps: Any) -> Macro:
    """Let somebody make a macro."""
    wanted = MacroSettings(name, steps or CLOSE, is_personal=own)
    return macros.create_macro(actor=shop.world.actor(role), wanted=wanted)


def run(shop: Shop, talk: Conversation, made: Macro, role: str = "support", **more: Any) -> macros.MacroRun:
    """Let somebody run it."""
    actor = shop.world.actor(role)
    return macros.run_macro(actor=actor, conversation_id=talk.pk, macro_id=made.pk, **more)


@pytest.mark.slow
def test_all_steps_are_done_in_order_and_a_repeated_run_replies_once(shop: Shop) -> None:
    admin, talk = shop.world.actor("admin"), shop.conversation()
    tag = tags.create_tag(actor=admin, name="Lost")
    team = teams.create_team(
        actor=admin, settings=TeamSettings("Orders"), seats=[Seat(shop.world.people["support"].pk)]
    )
    made = macro(
        shop,
        close={"resolved": True},
        reply={"text": "Hello {{ first_name }}, a new one is on its way."},
        note={"text": "Sent again"},
        tags={"add": [str(tag.pk)], "remove": []},
        priority={"priority": 3},
        team={"team_id": str(team.pk)},
        assign={"user_id": None},
    )
    states.assign(actor=admin, conversation_id=talk.pk, user_id=shop.world.people["admin"].pk)
    once = uuid4()
    ran = run(shop, talk, made, "admin", run_id=once)
    assert ran.done == ("reply", "note", "tags", "priority", "team", "assign", "close")
    talk.refresh_from_db()
    assert (talk.state, talk.resolved, talk.priority, talk.team_id) == ("closed", True, 3, team.pk)
    assert talk.assigned_to_id == shop.world.people["admin"].pk
    (answer,) = Message.objects.filter(conversation=talk, sender_type="person")
    assert answer.body == "Hello, a new one is on its way."
    assert (Note.objects.count(), ConversationTag.objects.count()) == (1, 1)
    entry = AuditEntry.objects.get(action="MACRO_RUN")
    assert entry.facts["steps"] == list(ran.done)
    again = macro(shop, name="Only words", reply={"text": "Thank you, {{ first_name }}!"})
    shop.write("Back")
    for _ in range(2):
        run(shop, talk, again, run_id=once)
    _, thanks = Message.objects.filter(conversation=talk, sender_type="person").order_by("seq")
    assert thanks.body == "Thank you!"


def test_a_step_that_fails_leaves_nothing_done_and_is_named(shop: Shop) -> None:
    talk = shop.conversation()
    made = macro(shop, note={"text": "x"}, priority={"priority": 4}, snooze={"hours": 2})
    with pytest.raises(Conflict) as caught:  # an agent has it
        run(shop, talk, made)
    assert caught.value.detail.startswith("“Snooze” didn't work, so nothing was done: ")
    talk.refresh_from_db()
    assert (Note.objects.count(), talk.priority, AuditEntry.objects.filter(action="MACRO_RUN").count()) == (0, 2, 0)
    seen = Message.objects.filter(conversation=talk).latest("seq").seq
    services.reply(
        actor=shop.world.actor("admin"), conversation_id=talk.pk, draft=Draft(text="I do", sender=Sender(type="person"))
    )
    with pytest.raises(Conflict) as meanwhile:
        run(shop, talk, macro(shop, name="Words", reply={"text": "Me too"}), after=seen)
    assert meanwhile.value.code == outbound.ANSWERED_MEANWHILE


def test_who_may_write_see_and_run_macros(shop: Shop) -> None:
    talk = shop.conversation()
    mine, all_of_us = macro(shop, "support", own=True), macro(shop)
    with pytest.raises(Refused):
        macro(shop, "support", "For all")
    with pytest.raises(Refused):
        run(shop, talk, all_of_us, "viewer")
    with pytest.raises(NotFound):
        run(shop, talk, mine, "admin")
    with pytest.raises(NotFound):
        macros.delete_macro(actor=shop.world.actor("admin"), macro_id=mine.pk)
    with pytest.raises(Conflict):
        macro(shop)
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        macros.run_macro(actor=shop.world.outsider(), conversation_id=talk.pk, macro_id=all_of_us.pk)
    usable = macros.usable_macros(actor=shop.world.actor("support"))
    assert set(usable) == {mine, all_of_us}
    wanted = MacroSettings("Closed", CLOSE)
    admin = shop.world.actor("admin")
    assert macros.revise_macro(actor=admin, macro_id=all_of_us.pk, wanted=wanted, seen_version=1).version == 2
    with pytest.raises(Conflict):
        macros.revise_macro(actor=admin, macro_id=all_of_us.pk, wanted=wanted, seen_version=1)


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ({}, "steps"),
        ({"dance": {}}, "steps"),
        ({"reply": {"text": " "}}, "reply"),
        ({"reply": {"text": "{{ password }}"}}, "reply"),
        ({"reply": {}}, "reply"),
        ({"tags": {"add": ["x"]}}, "tags"),
        ({"tags": {"add": [], "remove": []}}, "tags"),
        ({"tags": {"add": [str(uuid4())]}}, "tags"),
        ({"priority": {"priority": 9}}, "priority"),
        ({"team": {"team_id": str(uuid4())}}, "team"),
        ({"assign": {"user_id": str(uuid4())}}, "assign"),
        ({"snooze": {"hours": 0}}, "snooze"),
        ({"snooze": {"hours": True}}, "snooze"),
        ({"snooze": {"hours": 2}, **CLOSE}, "snooze"),
        ({"close": {"resolved": "yes"}}, "close"),
        ({"request": {"kind": "nothing", "params": {}}}, "request"),
        ({"request": {"kind": Budget.key, "params": {"colour": "red"}}}, "request"),
        ({"request": {"kind": Budget.key, "params": []}}, "request"),
    ],
)
def test_bad_steps_are_told_by_their_name(shop: Shop, steps: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        macros.create_macro(actor=shop.world.actor("admin"), wanted=MacroSettings("Bad", steps))
    assert list(caught.value.facts["fields"]) == [field]
    assert not Macro.objects.exists()


@pytest.mark.slow
def test_risky_step_becomes_one_request_that_waits(shop: Shop) -> None:
    add_workflow(shop.world)
    talk = shop.conversation()
    params = {"campaign": "Summer Sale", "budget": "900.00"}
    made = macro(shop, note={"text": "Asked"}, request={"kind": Budget.key, "params": params})
    once = uuid4()
    first, second = (run(shop, talk, made, run_id=once) for _ in range(2))
    approval = Approval.objects.get()
    assert first.approval == second.approval == approval
    assert (approval.state, approval.conversation_id) == ("pending", talk.pk)
    # Who wrote what a colleague asks for with it doesn't approve it.
    assert shop.world.people["admin"].pk in approval.excluded
    assert first.done == second.done == ("note", "request")
    assert Note.objects.count() == 1  # pressed twice, written once
    with pytest.raises(Conflict):  # the id is of another run
        run(shop, shop.conversation(sender=SenderIdentity(kind="webchat", value="visitor-2")), made, run_id=once)
    broken = macro(shop, name="Broken", note={"text": "x"}, request={"kind": Budget.key, "params": params})
    Macro.objects.filter(pk=broken.pk).update(steps={**broken.steps, "request": {"kind": "gone", "params": {}}})
    ran = run(shop, talk, broken)
    assert (ran.done, ran.approval, ran.problem is not None) == (("note",), None, True)


@pytest.mark.slow
def test_console_writes_edits_and_runs_them(shop: Shop) -> None:
    talk = shop.conversation()
    clients = {role: Client() for role in ("admin", "support", "viewer")}
    for role, client in clients.items():
        client.force_login(shop.world.people[role], backend="accounts.backends.RoleBackend")
    pages = "/admin/conversations/macro/"
    form = {"name": "Thanks and close", "scope": "all", "reply": "Thank you!", "close": "yes", "priority": ""}
    assert clients["support"].post(f"{pages}create/", form).status_code == 403
    assert clients["admin"].post(f"{pages}create/", {**form, "reply": "{{ x }}"}).status_code == 400
    assert clients["admin"].post(f"{pages}create/", form).status_code == 302
    made = Macro.objects.get()
    assert "Close: the question was answered" in clients["support"].get(pages).content.decode()
    edit = clients["admin"].get(f"{pages}{made.pk}/edit/").content.decode()
    assert "Thank you!" in edit
    page = f"/admin/conversations/conversation/{talk.pk}/"
    shown = clients["support"].get(page).content.decode()
    assert "Thanks and close" in shown
    assert "Thanks and close" not in clients["viewer"].get(page).content.decode()
    newest = Message.objects.filter(conversation=talk).latest("seq").seq
    sent = {"macro_id": str(made.pk), "run_id": str(uuid4()), "after": str(newest)}
    assert clients["viewer"].post(f"{page}macro/", sent).status_code == 403
    assert clients["support"].post(f"{page}macro/", sent).status_code == 302
    talk.refresh_from_db()
    assert talk.state == "closed"
    rows = messages.list_messages(viewer=shop.world.actor("support"), conversation_id=talk.pk).rows
    assert [row.text for row in rows][-1] == "Thank you!"


@pytest.mark.slow
def test_request_of_a_macro_is_filled_in_as_fields_of_its_kind(shop: Shop) -> None:
    add_workflow(shop.world)
    client, pages = Client(), "/admin/conversations/macro/"
    client.force_login(shop.world.people["admin"], backend="accounts.backends.RoleBackend")
    form = {"name": "More budget", "scope": "all", "note": "Asked", "kind": Budget.key}
    asked = client.post(f"{pages}create/", form)
    assert (asked.status_code, Macro.objects.exists()) == (200, False), "its values are asked for first"
    assert 'name="value_campaign"' in asked.content.decode()
    wrong = client.post(f"{pages}create/", {**form, "chosen": Budget.key, "value_campaign": "Summer Sale"})
    assert (wrong.status_code, Macro.objects.exists()) == (400, False)
    assert 'id="id_create_value_budget_error"' in wrong.content.decode(), "the field says what is missing"
    filled = {**form, "chosen": Budget.key, "value_campaign": "Summer Sale", "value_budget": "900"}
    assert client.post(f"{pages}create/", filled).status_code == 302
    made = Macro.objects.get()
    params = {"campaign": "Summer Sale", "budget": "900", "reach": 0}
    assert made.steps["request"] == {"kind": Budget.key, "params": params}
    listed = client.get(pages).content.decode()
    assert "Ask for an approval:" in listed
    assert "campaign Summer Sale" in listed
    shown = client.get(f"{pages}{made.pk}/edit/").content.decode()
    assert 'value="Summer Sale"' in shown
    assert f'href="{pages}{made.pk}/edit/"' in client.get(f"{pages}{made.pk}/").content.decode()
    nothing = {**filled, "kind": "", "version": made.version}
    assert client.post(f"{pages}{made.pk}/edit/", nothing).status_code == 302
    made.refresh_from_db()
    assert made.steps == {"note": {"text": "Asked"}}
