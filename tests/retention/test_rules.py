"""What is older than an organisation keeps it goes; figures, the audit log and decisions stay."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction

from accounts.models import Notice
from agents.models import ToolCall
from conversations import retention, tasks
from conversations.inbox.custom_values import set_conversation_fields
from conversations.inbox.threads.notes import add_note
from conversations.messages.inbound import reopen_or_create
from conversations.models import Contact, Conversation, CustomValue, Message, Note, Survey
from conversations.services import Draft, Sender, reply
from core import tasks as core_tasks
from core.actors import system
from core.audit import chain
from core.clock import now
from core.errors import Invalid, Refused
from core.models import AuditEntry, Erasure, RetentionChoice
from core.privacy.erasure.person import GONE
from core.privacy.retention import services
from core.privacy.retention.registry import RULES
from core.tenancy.scope import tenant_scope
from hitl.management.commands.verify_approvals import problems
from hitl.models import Approval, ApprovalNote, Decision, Execution, Revision
from tests.database.sealing import rewrite
from tests.erasure.scene import OTHER_WORDS, WORDS, Traces, ask, finish
from tests.erasure.searching import cells, found
from tests.retention.conftest import Choose, end_requests, make_old
from tests.world import World

pytestmark = pytest.mark.slow


def run(traces: Traces) -> list[tuple[str, int]]:
    """Apply all rules; return what the audit log says of it."""
    before = set(AuditEntry.objects.values_list("pk", flat=True))
    assert services.apply_all(seconds=60) is False
    told = AuditEntry.objects.filter(action="RETENTION_APPLIED").exclude(pk__in=before).order_by("seq")
    return [(entry.facts["kind"], entry.facts["count"]) for entry in told]


def test_conversation_that_was_closed_long_ago_is_empty_and_stays_as_a_row(traces: Traces, choose: Choose) -> None:
    acme = traces.world.acme.pk
    with tenant_scope(acme):
        make_old(traces)
        choose(traces.officer(), conversations=365)
        others = {place for place, text in cells(acme) if any(word in text for word in OTHER_WORDS)}
        assert "conversations" in dict(run(traces))
        assert run(traces) == []
        talk = Conversation.objects.get(pk=traces.conversation_id)
        assert talk.emptied_at is not None
        assert {row.body for row in Message.objects.filter(conversation=talk)} == {"[erased]"}
        assert (Survey.objects.get().rating, ToolCall.objects.get().result) == (2, {})
        emptied = set(RULES.get("conversations").tables.split())
        left = {place.rpartition(".")[0] for place in found(acme, WORDS)}
        # The contact's own fields stay with the contact.
        stays = {"conversations.Conversation", "conversations.CustomValue", "core.StreamEvent"}
        assert left & (emptied - stays) == set()
        assert {place for place, text in cells(acme) if any(word in text for word in OTHER_WORDS)} == others
        assert chain.verify().ok


def test_conversation_that_is_young_open_or_still_being_written_in_keeps_its_words(
    traces: Traces, choose: Choose
) -> None:
    with tenant_scope(traces.world.acme.pk):
        make_old(traces)
        choose(traces.officer(), conversations=365)
        Message.objects.filter(conversation=traces.conversation_id, direction="out").update(status="queued")
        assert run(traces) == []
        Message.objects.filter(conversation=traces.conversation_id, direction="out").update(status="sent")
        Conversation.objects.filter(closed_at__isnull=False).update(closed_at=now() - timedelta(days=364))
        assert run(traces) == []


def test_idle_contact_is_erased_everywhere(traces: Traces, choose: Choose) -> None:
    acme = traces.world.acme.pk
    with tenant_scope(acme):
        make_old(traces)
        choose(traces.officer(), contacts=365)
        Contact.objects.filter(pk=traces.contact_id).update(created_at=now())  # known for a day
        assert run(traces) == []
        make_old(traces)
        ask(traces.world, traces.conversation_id, "a sofa", "100.00")
        assert run(traces) == []  # somebody is about to decide
        end_requests(traces)
        assert run(traces) == [("contacts", 1)]
        erasure = Erasure.objects.get()
        assert (erasure.subject_id, erasure.reason, erasure.asked_by) == (traces.contact_id, "not_needed", None)
        finish(erasure.pk)
        erasure.refresh_from_db()
        assert erasure.state == "done"
        assert run(traces) == []
    assert found(acme, WORDS) == set()


def test_idle_contacts_are_erased_few_at_a_time(
    traces: Traces, choose: Choose, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, asked = traces.world.acme.pk, []
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    monkeypatch.setattr(tasks.erase_idle, "delay", lambda *ids: asked.append(ids))
    with tenant_scope(acme):
        make_old(traces)
        other = Contact.objects.create(created_at=now() - timedelta(days=500))
        choose(traces.officer(), contacts=365)
    tasks.sweep_idle()
    assert asked == [(str(acme), str(acme))]
    for _ in range(2):
        tasks.erase_idle(str(acme), str(acme))
    with tenant_scope(acme):
        first = Erasure.objects.get()
        assert first.subject_id == other.pk
        finish(first.pk)
    tasks.erase_idle(str(acme), str(acme))
    with tenant_scope(acme):
        assert Erasure.objects.exclude(pk=first.pk).get().subject_id == traces.contact_id


def test_kind_that_fails_stops_no_other(traces: Traces, choose: Choose, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> int:
        raise OSError

    monkeypatch.setattr(retention.ClosedConversations, "work", fail)
    with tenant_scope(traces.world.acme.pk):
        make_old(traces)
        choose(traces.officer(), conversations=365, contacts=365)
        assert run(traces) == [("contacts", 1)]


def test_turn_goes_on_while_there_is_more_and_no_second_one_begins(
    traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []
    turns = iter([True, False])
    ids = (str(traces.world.acme.pk),) * 2
    monkeypatch.setattr(core_tasks.apply_retention, "delay", lambda *given: asked.append(given))
    monkeypatch.setattr(services, "apply_all", lambda **_: next(turns))
    core_tasks.sweep_retention()
    assert asked.count(ids) == 1
    core_tasks.apply_retention(*ids)  # there is more
    assert asked.count(ids) == 2
    core_tasks.sweep_retention()  # it is at work
    assert asked.count(ids) == 2
    core_tasks.apply_retention(*ids)  # the end
    assert asked.count(ids) == 2
    core_tasks.sweep_retention()
    assert asked.count(ids) == 3


def test_final_request_loses_what_it_said_and_keeps_how_it_was_decided(traces: Traces, choose: Choose) -> None:
    with tenant_scope(traces.world.acme.pk):
        before = Approval.objects.get(pk=traces.named.pk)
        choose(traces.officer(), requests=90)
        assert run(traces) == []
        with transaction.atomic():
            rewrite(Approval.objects.all(), moved_at=now() - timedelta(days=91))
        assert run(traces) == [("requests", 1)]  # the other one is open
        after = Approval.objects.get(pk=traces.named.pk)
        assert (after.payload, after.summary, after.facts) == (GONE, "Erased", {})
        kept = ("digest", "state", "cost", "risk_score", "decided_by_id", "reference")
        assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
        assert Decision.objects.get(approval=after).reason
        assert not ApprovalNote.objects.filter(approval=after).exclude(masked_body="").exists()
        assert not Revision.objects.filter(approval=after).exclude(diff=[]).exists()
        assert Execution.objects.get(approval=after).result == GONE
        assert list(problems()) == []
        assert Approval.objects.get(pk=traces.approval.pk).payload != GONE
        AuditEntry.objects.filter(action="retention.approvals_emptied").get()


def test_days_count_after_a_week_and_more_days_at_once(world: World) -> None:
    officer, moment = world.actor("compliance"), now()
    with tenant_scope(world.acme.pk):
        with pytest.raises(Refused):
            services.set_retention(actor=world.actor("admin"), kind="mails", days=7)
        for days in (0, 31):
            with pytest.raises(Invalid, match="1 to 30 days"):
                services.set_retention(actor=officer, kind="mails", days=days)
        chosen = services.set_retention(actor=officer, kind="mails", days=7, now=moment)
        assert (chosen.days, chosen.next_days, chosen.starts_at) == (30, 7, moment + timedelta(days=7))
        assert services.kept_days("mails", now=moment + timedelta(days=6)) == 30
        assert services.kept_days("mails", now=moment + timedelta(days=7)) == 7
        told = set(Notice.objects.filter(kind=services.NOTICE).values_list("person", flat=True))
        assert told == {world.people["owner"].pk, world.people["compliance"].pk}
        again = services.set_retention(actor=officer, kind="mails", days=7, now=moment + timedelta(days=1))
        assert again.starts_at == chosen.starts_at
        later = moment + timedelta(days=8)
        assert services.set_retention(actor=officer, kind="mails", days=20, now=later).days == 20
        assert services.set_retention(actor=officer, kind="mails", days=None, now=later).days == 30
        assert AuditEntry.objects.filter(action="RETENTION_SET").count() == 3
        # Second thoughts: what was planned never counts.
        services.set_retention(actor=officer, kind="conversations", days=30, now=moment)
        services.set_retention(actor=officer, kind="conversations", days=None, now=moment + timedelta(days=1))
        assert services.kept_days("conversations", now=moment + timedelta(days=30)) is None
    with tenant_scope(world.globex.pk):
        assert services.kept_days("mails", now=moment + timedelta(days=30)) == 30


def test_trial_counts_and_changes_nothing(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        make_old(traces)
        before = {label: apps.get_model(label)._default_manager.count() for label in ("conversations.Message",)}
        tried = {
            kind: services.try_retention(viewer=traces.officer(), kind=kind, days=365)
            for kind in ("conversations", "contacts")
        }
        assert tried == {"conversations": 1, "contacts": 1}
        assert services.try_retention(viewer=traces.officer(), kind="conversations", days=None) == 0
        assert {label: apps.get_model(label)._default_manager.count() for label in before} == before
        assert not RetentionChoice.objects.exists()


def test_conversation_that_is_reopened_and_closed_again_is_emptied_again(traces: Traces, choose: Choose) -> None:
    with tenant_scope(traces.world.acme.pk):
        make_old(traces)
        choose(traces.officer(), conversations=365)
        run(traces)
        talk = Conversation.objects.get(pk=traces.conversation_id)
        sender: Any = type("Found", (), {"contact_id": talk.contact_id, "origin_id": None})()
        again, opened = reopen_or_create(talk.channel_account_id, sender, talk.thread, talk.closed_at)
        assert (again.pk, opened, again.emptied_at) == (talk.pk, "conversation_reopened", None)


def test_what_is_added_to_an_empty_conversation_goes_by_its_own_age(traces: Traces, choose: Choose) -> None:
    with tenant_scope(traces.world.acme.pk):
        make_old(traces)
        choose(traces.officer(), conversations=365)
        run(traces)
        about: dict[str, Any] = {"conversation_id": traces.conversation_id}
        add_note(actor=traces.world.actor("support"), text="The court asked", **about)
        reply(actor=system("agents"), draft=Draft(text="It is booked", sender=Sender(type="system")), **about)
        make_old(traces)
        Note.objects.filter(masked_body="The court asked").update(created_at=now() - timedelta(days=364))
        assert run(traces) == []
        Note.objects.update(created_at=now() - timedelta(days=366))
        Conversation.objects.filter(pk=traces.conversation_id).update(last_message_at=now() - timedelta(days=364))
        assert run(traces) == []
        make_old(traces)
        assert [kind for kind, _ in run(traces)] == ["conversations"]
        assert set(Note.objects.filter(**about).values_list("masked_body", flat=True)) == {"[erased]"}
        set_conversation_fields(actor=traces.world.actor("support"), values={"conversation": "a new order"}, **about)
        assert [kind for kind, _ in run(traces)] == ["conversations"]
        assert not CustomValue.objects.filter(**about).exists()
        assert set(Message.objects.filter(**about).values_list("masked_body", flat=True)) == {"[erased]"}
