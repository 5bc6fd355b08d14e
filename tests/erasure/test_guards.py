"""The database lets nobody change what was signed or said, but while a person is erased, and then only empty it."""

import pytest
from django.db import DatabaseError, transaction

from core.models import Erasure
from core.scope import tenant_scope
from hitl.models import Approval, Decision
from tests.erasure.scene import Traces

GONE = {"erased": True}


def refused(change: object) -> bool:
    try:
        with transaction.atomic():
            change()  # type: ignore[operator]
    except DatabaseError:
        return True
    return False


def at_work(traces: Traces) -> None:
    Erasure.objects.create(subject_type="contact", subject_id=traces.contact_id, reason="asked_for", state="working")


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
