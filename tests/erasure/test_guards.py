"""The database lets nobody change what was signed or said, but while a person is erased, and then only empty it."""

from datetime import timedelta
from typing import Final
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import Membership
from conversations.models import Conversation
from core.clock import now
from core.jobs import dead_letters
from core.models import AuditEntry, DeadLetter, Erasure
from core.privacy.erasure import services as erasures
from core.tenancy.scope import tenant_scope
from hitl.management.commands.verify_approvals import problems
from hitl.models import Approval, Decision
from tests.erasure.scene import OTHER, Traces, ask, contact_called
from tests.world import World

GONE = {"erased": True}
DAY: Final = timedelta(days=1)


def refused(change: object) -> bool:
    try:
        with transaction.atomic():
            change()  # type: ignore[operator]
    except DatabaseError:
        return True
    return False


def at_work(traces: Traces, *kept: object) -> Erasure:
    """Let an erasure work that has noted these requests as the person's."""
    erasure = begun(traces)
    noted = {**erasure.targets, "approvals": [str(key) for key in kept or (traces.approval.pk, traces.named.pk)]}
    Erasure.objects.update(state="working")
    Erasure.objects.update(targets=noted)
    erasure.refresh_from_db()
    return erasure


def begun(traces: Traces, **more: object) -> Erasure:
    """Record an erasure as it is asked for, with what is the contact's."""
    targets = {"contacts": [str(traces.contact_id)], "conversations": [str(traces.conversation_id)], **more}
    found: Erasure = Erasure.objects.create(
        subject_type="contact", subject_id=traces.contact_id, reason="asked_for", targets=targets
    )
    return found


@pytest.mark.slow
def test_without_an_erasure_nothing_is_emptied(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        assert refused(lambda: Decision.objects.update(reason=""))
        assert refused(lambda: Approval.objects.filter(pk=traces.named.pk).update(payload=GONE))


@pytest.mark.slow
def test_temporary_table_with_the_name_of_a_real_one_opens_nothing(traces: Traces) -> None:
    approvals = f'{{"approvals": ["{traces.approval.pk}", "{traces.named.pk}"]}}'
    with tenant_scope(traces.world.acme.pk):
        with connection.cursor() as cursor:
            cursor.execute("create temporary table core_erasure on commit drop as select * from public.core_erasure")
            cursor.execute(
                "insert into pg_temp.core_erasure (tenant_id, state, targets) values (%s, 'working', %s)",
                [traces.world.acme.pk, approvals],
            )
        assert refused(lambda: Decision.objects.update(reason=""))
        assert refused(lambda: Approval.objects.filter(pk=traces.named.pk).update(payload=GONE))


@pytest.mark.slow
def test_erasure_of_another_tenant_opens_nothing(traces: Traces) -> None:
    with tenant_scope(traces.world.globex.pk):
        assert refused(lambda: at_work(traces))
        Erasure.objects.create(subject_type="contact", subject_id=traces.contact_id, reason="asked_for")
        Erasure.objects.update(state="working")
    with tenant_scope(traces.world.acme.pk):
        assert refused(lambda: Decision.objects.update(reason=""))


@pytest.mark.slow
@pytest.mark.parametrize(
    "values", [{"reason": "something else"}, {"verdict": "reject"}, {"digest": "0" * 64}, {"person": None}]
)
def test_with_an_erasure_a_decision_is_only_emptied(traces: Traces, values: dict[str, object]) -> None:
    with tenant_scope(traces.world.acme.pk):
        at_work(traces)
        assert refused(lambda: Decision.objects.update(**values))
        assert not refused(lambda: Decision.objects.update(reason=""))


def test_open_request_is_never_emptied_and_a_final_one_gets_no_other_bytes(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        at_work(traces)
        assert refused(lambda: Approval.objects.filter(pk=traces.approval.pk).update(payload=GONE))
        assert refused(lambda: Approval.objects.filter(pk=traces.named.pk).update(payload={"campaign": "mine"}))
        assert refused(lambda: Decision.objects.all().delete())


def test_erasure_opens_only_what_it_has_noted_as_the_persons(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        at_work(traces, traces.approval.pk)
        assert refused(lambda: Approval.objects.filter(pk=traces.named.pk).update(payload=GONE))
        assert refused(lambda: Decision.objects.filter(approval=traces.named).update(reason=""))


@pytest.mark.parametrize("state", ["done", "parked"])
def test_erasure_that_is_over_opens_nothing(traces: Traces, state: str) -> None:
    with tenant_scope(traces.world.acme.pk):
        at_work(traces)
        over = {"targets": {}} if state == "done" else {}
        Erasure.objects.update(state=state, traces=None, finished_at=now(), **over)
        assert refused(lambda: Decision.objects.update(reason=""))
        assert refused(lambda: Approval.objects.filter(pk=traces.named.pk).update(payload=GONE))


def test_erasures_move_one_way_and_are_never_removed(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        row = {"subject_type": "contact", "reason": "asked_for"}
        assert refused(lambda: Erasure.objects.create(**row, subject_id=traces.contact_id, state="working"))
        erasure = at_work(traces)
        assert refused(lambda: Erasure.objects.update(state="asked"))
        assert refused(lambda: Erasure.objects.update(subject_id=traces.conversation_id))
        assert refused(erasure.delete)
        Erasure.objects.update(state="done", finished_at=now(), targets={})
        assert refused(lambda: Erasure.objects.update(state="working"))


@pytest.mark.parametrize("state", ["asked", "working", "parked"])
def test_what_an_erasure_is_about_is_never_taken_back(traces: Traces, state: str) -> None:
    with tenant_scope(traces.world.acme.pk):
        erasure = at_work(traces) if state != "asked" else begun(traces)
        Erasure.objects.update(state=state)
        others = str(contact_called(OTHER).pk)
        for change in (
            {"targets": {}},
            {"targets": {**erasure.targets, "contacts": [others]}},
            {"targets": {**erasure.targets, "users": [str(traces.world.people["owner"].pk)]}},
            {"traces": {"names": [], "addresses": ["somebody@else.example"]}},
            {"reason": "unlawful"},
        ):
            assert refused(lambda change=change: Erasure.objects.update(**change)), change


def test_erasure_at_work_is_never_about_others(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        theirs = contact_called(OTHER)
        chat = Conversation.objects.get(contact=theirs)
        waiting = ask(traces.world, None, OTHER, "2.00")
        known = at_work(traces).targets
        for kind, key in (("contacts", theirs.pk), ("conversations", chat.pk), ("approvals", waiting.pk)):
            more = {**known, kind: [*known[kind], str(key)]}
            assert refused(lambda more=more: Erasure.objects.update(targets=more)), kind


@pytest.mark.parametrize("kind", ["users", "contacts", "conversations", "approvals", "rows", "lines"])
def test_erasure_begins_with_nothing_of_others(traces: Traces, kind: str) -> None:
    with tenant_scope(traces.world.acme.pk):
        theirs = contact_called(OTHER)
        key = {
            "users": traces.world.people["owner"].pk,
            "contacts": theirs.pk,
            "conversations": Conversation.objects.get(contact=theirs).pk,
            "approvals": traces.named.pk,
        }.get(kind, uuid4())
        assert refused(lambda: begun(traces, **{kind: [str(key)]}))


def test_member_who_is_erased_is_the_one_of_the_membership(world: World) -> None:
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=world.people["viewer"])
        row = {"subject_type": "member", "subject_id": membership.pk, "reason": "asked_for"}
        assert refused(lambda: Erasure.objects.create(**row, targets={"users": [str(world.people["owner"].pk)]}))
        assert not refused(lambda: Erasure.objects.create(**row, targets={"users": [str(membership.user_id)]}))


def test_emptied_without_an_erasures_entry_is_told_from_erased(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        at_work(traces)
        assert list(problems()) == []
        Approval.objects.filter(pk=traces.named.pk).update(payload=GONE)
        assert [reference for reference, _ in problems()] == [traces.named.reference]


def test_emptied_reason_without_an_erasures_entry_is_told_from_erased(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        at_work(traces)
        Decision.objects.filter(approval=traces.named).update(reason="")
        assert list(problems()) == [(traces.named.reference, "a reason is gone, and no erasure recorded it")]


@pytest.mark.slow
def test_erasure_names_the_reasons_it_emptied(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        given = set(Decision.objects.exclude(reason="").values_list("pk", flat=True))
        traces.erase()
        told = AuditEntry.objects.filter(action="contact.reasons_emptied").values_list("facts", flat=True)
        assert {key for facts in told for key in facts["reasons"]} == {str(key) for key in given}
        assert list(problems()) == []


def test_erasure_that_nobody_asked_for_is_parked_once_and_stays_named(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        forged = begun(traces)
        for times in (1, 2):
            assert [key for _, key in erasures.take_unfinished()] == [forged.pk]
            assert not erasures.work_on(erasure_id=forged.pk)
            forged.refresh_from_db()
            letter = DeadLetter.objects.get(kind=erasures.PARKED_AS, ref=forged.pk, state="parked")
            assert (forged.state, letter.times, erasures.take_unfinished(now=now() + DAY)) == ("parked", 1, []), times
            assert [name for name, _ in erasures.unasked_erasures()] == [f"erasure {forged.pk}"], times
            dead_letters.replay(actor=traces.world.actor("admin"), dead_letter_id=letter.pk)
