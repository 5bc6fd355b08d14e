"""Celery tasks of conversations. State lives in the database; a lost task is picked up by a sweep."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from conversations.inbox import assignment, bulk, snoozes
from conversations.inbox.teams import availability
from conversations.messages import delivery, file_contents
from conversations.models import Message
from conversations.replies import drafts, triage_replies
from conversations.surveys import surveys
from conversations.transitions import UNDELIVERED
from core.actors import Actor, system
from core.clock import now
from core.jobs.decorators import Queue, sweep_task, tenant_task
from core.privacy.retention.services import apply_rule, tenants_that_chose
from core.tenancy.scope import platform_scope

BATCH: Final = 200
DESK: Final = system("desk")
GRACE: Final = timedelta(seconds=3)


def _task(
    name: str, service: Callable[..., Any], key: str, queue: Queue = "default", actor: Actor | None = None
) -> Any:
    """Return the task that calls a service for a row. Messages that wait know it by its name: it never changes."""

    given = {"actor": actor} if actor else {}

    def work(row_id: UUID) -> None:
        service(**given, **{key: row_id})

    work.__name__ = work.__qualname__ = name
    work.__doc__ = service.__doc__
    return tenant_task(queue)(work)


deliver = _task("deliver", delivery.deliver, "message_id", "high")
assign_waiting = _task("assign_waiting", assignment.assign_waiting, "team_id", "high", actor=DESK)
move_to_fallback = _task("move_to_fallback", assignment.move_to_fallback, "conversation_id", actor=DESK)
hand_back = _task("hand_back", assignment.hand_back, "conversation_id", actor=DESK)
end_silent = _task("end_silent", availability.end_silent, "user_id", actor=DESK)
leave_teams = _task("leave_teams", availability.leave_teams, "user_id", actor=DESK)
wake = _task("wake", snoozes.wake, "conversation_id", actor=DESK)
note_due = _task("note_due", snoozes.note_due, "conversation_id", actor=DESK)
ask_survey = _task("ask_survey", surveys.ask_survey, "survey_id", actor=DESK)
work_bulk_change = _task("work_bulk_change", bulk.work_change, "change_id")
send_triage_reply = _task("send_triage_reply", triage_replies.send_triage_reply, "triage_id", actor=DESK)
remove_file = _task("remove_file", file_contents.remove_file, "removal_id", "low")


def _enqueue(found: list[tuple[UUID, UUID]], task: Any) -> None:
    for tenant_id, row_id in found:
        task.delay(str(tenant_id), str(row_id))


@sweep_task(queue="high", is_quick=True)
def sweep_deliveries() -> None:
    """Enqueue deliveries that are due and not claimed: retries, lost tasks, crashes."""
    with platform_scope():
        due = Message.objects.filter(status__in=UNDELIVERED, next_attempt_at__lte=now() - GRACE)
        due = due.filter(channel_account__paused_at=None)
        found = list(due.order_by("next_attempt_at").values_list("tenant_id", "id")[:BATCH])
    _enqueue(found, deliver)


@sweep_task(queue="default", is_quick=True)
def sweep_teams() -> None:
    """Find what waits in teams, waited too long, or is with people who left: lost hints cost seconds."""
    _enqueue(assignment.list_teams_with_work(), assign_waiting)
    _enqueue(assignment.list_overdue_in_team(), move_to_fallback)
    _enqueue(assignment.list_left_behind(), hand_back)
    _enqueue(availability.list_gone(), end_silent)
    _enqueue(snoozes.list_rested(), wake)
    _enqueue(snoozes.list_nearly_due(), note_due)
    _enqueue(surveys.list_surveys_to_ask(), ask_survey)
    _enqueue(triage_replies.list_triage_replies_due(), send_triage_reply)
    _enqueue(bulk.list_abandoned(), work_bulk_change)


@sweep_task(queue="low")
def prune_drafts() -> None:
    """Delete drafts that nobody goes on with, and changes of many that were made long ago."""
    drafts.prune_drafts()
    bulk.prune_changes()


@sweep_task(queue="low")
def sweep_files() -> None:
    """Queue the files to remove from their stores."""
    _enqueue(file_contents.list_removals_due(), remove_file)


@tenant_task(queue="low")
def erase_idle(tenant_id: UUID) -> None:
    """Begin to erase the next contacts that a tenant keeps no longer: few at a time."""
    apply_rule("contacts")


@sweep_task(queue="low", is_quick=True)
def sweep_idle() -> None:
    """Go on with idle contacts where they have an end: all at once would keep other work waiting for days."""
    _enqueue([(tenant_id, tenant_id) for tenant_id in tenants_that_chose("contacts")], erase_idle)


SWEEPS = {
    "teams": ("conversations.tasks.sweep_teams", 5.0),
    "deliveries": ("conversations.tasks.sweep_deliveries", 5.0),
    "drafts": ("conversations.tasks.prune_drafts", 3600.0),
    "file-removals": ("conversations.tasks.sweep_files", 60.0),
    "idle-contacts": ("conversations.tasks.sweep_idle", 300.0),
}
