"""Celery tasks of conversations. State lives in the database; a lost task is picked up by a sweep."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from conversations.inbox import assignment, snoozes
from conversations.inbox.teams import availability
from conversations.messages import delivery, file_contents
from conversations.models import Message
from conversations.replies import drafts, triage_replies
from conversations.surveys import surveys
from conversations.transitions import UNDELIVERED
from core.actors import system
from core.clock import now
from core.jobs.decorators import sweep_task, tenant_task
from core.tenancy.scope import platform_scope

BATCH: Final = 200
DESK: Final = system("desk")
GRACE: Final = timedelta(seconds=3)


@tenant_task(queue="high")
def deliver(message_id: UUID) -> None:
    """Attempt to deliver a message."""
    delivery.deliver(message_id=message_id)


@sweep_task(queue="high", is_quick=True)
def sweep_deliveries() -> None:
    """Enqueue deliveries that are due and not claimed: retries, lost tasks, crashes."""
    with platform_scope():
        due = Message.objects.filter(status__in=UNDELIVERED, next_attempt_at__lte=now() - GRACE)
        due = due.filter(channel_account__paused_at=None)
        found = list(due.order_by("next_attempt_at").values_list("tenant_id", "id")[:BATCH])
    for tenant_id, message_id in found:
        deliver.delay(str(tenant_id), str(message_id))


@tenant_task(queue="high")
def assign_waiting(team_id: UUID) -> None:
    """Give a team's waiting conversations to people who have room."""
    assignment.assign_waiting(actor=DESK, team_id=team_id)


@tenant_task(queue="default")
def move_to_fallback(conversation_id: UUID) -> None:
    """Move a conversation that waited too long to another team."""
    assignment.move_to_fallback(actor=DESK, conversation_id=conversation_id)


@tenant_task(queue="default")
def hand_back(conversation_id: UUID) -> None:
    """Let a conversation of a person who is away wait for another."""
    assignment.hand_back(actor=DESK, conversation_id=conversation_id)


@tenant_task(queue="default")
def end_silent(user_id: UUID) -> None:
    """Make a person offline who has no page of the console open."""
    availability.end_silent(actor=DESK, user_id=user_id)


@tenant_task(queue="default")
def leave_teams(user_id: UUID) -> None:
    """End a former member's availability and places in teams."""
    availability.leave_teams(actor=DESK, user_id=user_id)


@tenant_task(queue="default")
def wake(conversation_id: UUID) -> None:
    """End the rest of a snoozed conversation."""
    snoozes.wake(actor=DESK, conversation_id=conversation_id)


@tenant_task(queue="default")
def note_due(conversation_id: UUID) -> None:
    """Tell people of an answer that is due soon, or late."""
    snoozes.note_due(actor=DESK, conversation_id=conversation_id)


@tenant_task(queue="default")
def ask_survey(survey_id: UUID) -> None:
    """Ask a customer how it was."""
    surveys.ask_survey(actor=DESK, survey_id=survey_id)


@tenant_task(queue="default")
def send_triage_reply(triage_id: UUID) -> None:
    """Send the canned reply of a triage rule."""
    triage_replies.send_triage_reply(actor=DESK, triage_id=triage_id)


@sweep_task(queue="default", is_quick=True)
def sweep_teams() -> None:
    """Find what waits in teams, waited too long, or is with people who left: lost hints cost seconds."""
    for tenant_id, team_id in assignment.list_teams_with_work():
        assign_waiting.delay(str(tenant_id), str(team_id))
    for tenant_id, conversation_id in assignment.list_overdue_in_team():
        move_to_fallback.delay(str(tenant_id), str(conversation_id))
    for tenant_id, conversation_id in assignment.list_left_behind():
        hand_back.delay(str(tenant_id), str(conversation_id))
    for tenant_id, user_id in availability.list_gone():
        end_silent.delay(str(tenant_id), str(user_id))
    for tenant_id, conversation_id in snoozes.list_rested():
        wake.delay(str(tenant_id), str(conversation_id))
    for tenant_id, conversation_id in snoozes.list_nearly_due():
        note_due.delay(str(tenant_id), str(conversation_id))
    for tenant_id, survey_id in surveys.list_surveys_to_ask():
        ask_survey.delay(str(tenant_id), str(survey_id))
    for tenant_id, triage_id in triage_replies.list_triage_replies_due():
        send_triage_reply.delay(str(tenant_id), str(triage_id))


@tenant_task(queue="low")
def remove_file(removal_id: UUID) -> None:
    """Remove one file from its store."""
    file_contents.remove_file(removal_id=removal_id)


@tenant_task(queue="low")
def expire_file(attachment_id: UUID) -> None:
    """Drop one file that was kept long enough."""
    file_contents.expire_file(attachment_id=attachment_id)


@sweep_task(queue="low")
def prune_drafts() -> None:
    """Delete drafts that nobody goes on with."""
    drafts.prune_drafts()


@sweep_task(queue="low")
def sweep_files() -> None:
    """Queue the files to remove from their stores, and those that were kept long enough."""
    for tenant_id, removal_id in file_contents.list_removals_due():
        remove_file.delay(str(tenant_id), str(removal_id))
    for tenant_id, attachment_id in file_contents.list_files_expired():
        expire_file.delay(str(tenant_id), str(attachment_id))


SWEEPS = {
    "teams": ("conversations.tasks.sweep_teams", 5.0),
    "deliveries": ("conversations.tasks.sweep_deliveries", 5.0),
    "drafts": ("conversations.tasks.prune_drafts", 3600.0),
    "file-removals": ("conversations.tasks.sweep_files", 60.0),
}
