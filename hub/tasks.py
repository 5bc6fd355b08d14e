"""Celery tasks of the hub, and its receiver. State lives in the database; a lost task is picked up by a sweep."""

from typing import Any
from uuid import UUID

from core.jobs.decorators import sweep_task, tenant_task
from hitl.models import Approval
from hub import requests
from hub.actions import KEY
from hub.crm import poller, worker


@tenant_task(queue="high")
def request_commit(row_id: UUID) -> None:
    """Request the approval of what a customer has just confirmed."""
    requests.request_in_background(draft_id=row_id)


@tenant_task()
def tell_outcome(row_id: UUID) -> None:
    """Tell a customer how the request ended that books what they confirmed."""
    requests.tell_outcome(approval_id=row_id)


def on_outcome(*, tenant_id: UUID, ref: UUID, **_: Any) -> None:
    """Enqueue that a customer is told, where an approval has ended that books what they confirmed."""
    if Approval.objects.filter(pk=ref, kind=KEY).exists():
        tell_outcome.delay(str(tenant_id), str(ref))


@sweep_task(queue="high", is_quick=True)
def sweep_confirmed() -> None:
    """Queue confirmed drafts again whose approval nobody has requested."""
    for tenant_id, draft_id in requests.list_unrequested():
        request_commit.delay(str(tenant_id), str(draft_id))


@tenant_task(queue="low")
def send_crm_contact(row_id: UUID) -> None:
    """Bring a CRM up to date about a contact."""
    worker.send_contact(row_id=row_id)


@sweep_task(queue="low", is_quick=True)
def sweep_crm() -> None:
    """Queue the contacts that have changed, whose time has come, or whose worker has died."""
    for tenant_id, row_id in worker.list_due():
        send_crm_contact.delay(str(tenant_id), str(row_id))


@sweep_task(queue="low")
def read_crm_contacts() -> None:
    """Read contacts back over the connections that are due."""
    poller.read_due()


SWEEPS = {
    "sweep-confirmed": ("hub.tasks.sweep_confirmed", 30.0),
    "sweep-crm": ("hub.tasks.sweep_crm", 10.0),
    "read-crm-contacts": ("hub.tasks.read_crm_contacts", 15.0),
}
