"""Celery tasks of channels. State lives in the database; a lost task is picked up by a sweep."""

from uuid import UUID

from channels_app.approver_channels.slack import posts
from channels_app.email.imap import reads
from channels_app.exchanges import calls
from channels_app.kit import media
from channels_app.kit.phones import templates
from channels_app.meta_whatsapp import read_marks
from channels_app.webhooks import deliveries
from core.jobs import queues
from core.jobs.decorators import TimeLimits, row_task, sweep, sweep_rows, tenant_task

# After a hint, and every second in case one was lost.
work_deliveries = sweep(
    "channels_app.tasks.work_deliveries", deliveries.dispatch_due_deliveries, queue="high", is_quick=True
)
show_reading = row_task("channels_app.tasks.show_reading", read_marks.show_reading, queue="low")
fetch_file = row_task("channels_app.tasks.fetch_file", media.fetch, queue="low")
fetch_files = sweep_rows("channels_app.tasks.fetch_files", media.list_due, fetch_file)
# Paused and rejected templates are noticed within the hour.
fetch_templates = row_task("channels_app.tasks.fetch_templates", templates.sweep_account, queue="low")
sweep_templates = sweep_rows(
    "channels_app.tasks.sweep_templates", templates.list_accounts, fetch_templates, is_quick=False
)
forget_bodies = sweep("channels_app.tasks.forget_bodies", deliveries.forget_bodies, calls.forget)
update_slack = row_task("channels_app.tasks.update_slack", posts.update_all_of)
update_slack_message = row_task("channels_app.tasks.update_slack_message", posts.update, queue="low")
update_slack_messages = sweep_rows(
    "channels_app.tasks.update_slack_messages", posts.list_outdated, update_slack_message, is_quick=False
)


@tenant_task(queue="low", limits=TimeLimits(90, 120))
def read_mailbox(account_id: UUID) -> None:
    """Read the new emails of a mailbox."""
    if reads.read_mailbox(account_id):
        work_deliveries.delay()


read_mailboxes = sweep_rows("channels_app.tasks.read_mailboxes", reads.list_due, read_mailbox)

SWEEPS = {
    "inbound-mailboxes": ("channels_app.tasks.read_mailboxes", 15.0),
    "inbound-deliveries": ("channels_app.tasks.work_deliveries", 1.0),
    "inbound-files": ("channels_app.tasks.fetch_files", 5.0),
    "templates": ("channels_app.tasks.sweep_templates", 3600.0),
    "slack-messages": ("channels_app.tasks.update_slack_messages", 10.0),
    "inbound-bodies": ("channels_app.tasks.forget_bodies", 3600.0),
}


def provide() -> None:
    """Offer the tasks that channels queue by name; safe to repeat."""
    queues.provide("work_deliveries", work_deliveries.delay)
    queues.provide("show_reading", show_reading.delay)
    queues.provide("update_slack", update_slack.delay)
