"""Celery tasks of conversations. State lives in the database; a lost task is picked up by a sweep."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from conversations import services
from conversations.models import Message
from conversations.transitions import UNDELIVERED
from core.clock import now
from core.jobs.decorators import sweep_task, tenant_task
from core.tenancy.scope import platform_scope

BATCH: Final = 200
GRACE: Final = timedelta(seconds=3)


@tenant_task(queue="high")
def deliver(message_id: UUID) -> None:
    """Attempt to deliver a message."""
    services.deliver(message_id=message_id)


@sweep_task(queue="high", is_quick=True)
def sweep_deliveries() -> None:
    """Enqueue deliveries that are due and not claimed: retries, lost tasks, crashes."""
    with platform_scope():
        due = Message.objects.filter(status__in=UNDELIVERED, next_attempt_at__lte=now() - GRACE)
        due = due.filter(channel_account__paused_at=None)
        found = list(due.order_by("next_attempt_at").values_list("tenant_id", "id")[:BATCH])
    for tenant_id, message_id in found:
        deliver.delay(str(tenant_id), str(message_id))


@tenant_task(queue="low")
def remove_file(removal_id: UUID) -> None:
    """Remove one file from its store."""
    services.remove_file(removal_id=removal_id)


@tenant_task(queue="low")
def expire_file(attachment_id: UUID) -> None:
    """Drop one file that was kept long enough."""
    services.expire_file(attachment_id=attachment_id)


@sweep_task(queue="low")
def sweep_files() -> None:
    """Queue the files to remove from their stores, and those that were kept long enough."""
    for tenant_id, removal_id in services.list_removals_due():
        remove_file.delay(str(tenant_id), str(removal_id))
    for tenant_id, attachment_id in services.list_files_expired():
        expire_file.delay(str(tenant_id), str(attachment_id))


SWEEPS = {
    "deliveries": ("conversations.tasks.sweep_deliveries", 5.0),
    "file-removals": ("conversations.tasks.sweep_files", 60.0),
}
