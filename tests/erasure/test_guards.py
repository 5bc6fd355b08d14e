"""The database lets nobody change what was signed or said, but while a person is erased, and then only empty it."""

import pytest
from django.db import DatabaseError, transaction

from core.clock import now
from core.models import Erasure
from core.scope import tenant_scope
from hitl.management.commands.verify_approvals import problems
from hitl.models import Approval, Decision
from tests.erasure.scene import Traces
from tests.tampering import tamper

GONE = {"erased": True}


def refused(change: object) -> bool:
    try:
        with transaction.atomic():
            change()  # type: ignore[operator]
    except DatabaseError:
        return True
    return False


def at_work(traces: Traces, *kept: object) -> Erasure:
    """Let an erasure work that has noted these requests as the person's."""
    targets = {"approvals": [str(key) for key in kept or (traces.approval.pk, traces.named.pk)]}
    found: Erasure = Erasure.objects.create(
        subject_type="contact", subject_id=traces.contact_id, reason="asked_for", targets=targets
    )
    Erasure.objects.update(state="working")
    return found


def test_without_an_erasure_nothing_is_emptied(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        assert refused(lambda: Decision.objects.update(reason=""))
        assert refused(lambda: Approval.objects.filter(pk=traces.named.pk).update(payload=GONE))


def test_erasure_of_another_tenant_opens_nothing(traces: Traces) -> None:
    with tenant_scope(traces.world.globex.pk):
        at_work(traces)
    with tenant_scope(traces.world.acme.pk):
        assert refused(lambda: Decision.objects.update(reason=""))


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
        Erasure.objects.update(state=state, traces=None, finished_at=now())
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
        Erasure.objects.update(state="done", finished_at=now())
        assert refused(lambda: Erasure.objects.update(state="working"))


def test_emptied_without_an_erasures_entry_is_told_from_erased(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        at_work(traces)
        assert list(problems()) == []
        Approval.objects.filter(pk=traces.named.pk).update(payload=GONE)
        assert [reference for reference, _ in problems()] == [traces.named.reference]


def test_bytes_that_do_not_fit_their_digest_are_told(traces: Traces, tampering: object) -> None:
    with tenant_scope(traces.world.acme.pk):
        tamper(f"update hitl_approval set payload = '{{\"budget\": \"1\"}}' where id = '{traces.named.pk}'")
        assert [reference for reference, _ in problems()] == [traces.named.reference]
