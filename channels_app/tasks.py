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
from core.jobs.decorators import TimeLimits, sweep_task, tenant_task


@sweep_task(queue="high", is_quick=True)
def work_deliveries() -> None:
    """Process the deliveries that are due. Runs after a hint, and every second in case one was lost."""
    deliveries.dispatch_due_deliveries()


@tenant_task(queue="low")
def show_reading(message_id: UUID) -> None:
    """Show a customer that their message was read and is being answered."""
    read_marks.show_reading(message_id)


@tenant_task(queue="low")
def fetch_file(attachment_id: UUID) -> None:
    """Download one file that a customer sent."""
    media.fetch(attachment_id)


@sweep_task(queue="low", is_quick=True)
def fetch_files() -> None:
    """Queue the files that are due: new ones, retries, and those whose worker died."""
    for tenant_id, attachment_id in media.list_due():
        fetch_file.delay(str(tenant_id), str(attachment_id))


@tenant_task(queue="low")
def fetch_templates(account_id: UUID) -> None:
    """Fetch the templates of one WhatsApp account."""
    templates.sweep_account(account_id)


@sweep_task(queue="low")
def sweep_templates() -> None:
    """Queue the WhatsApp accounts of all tenants: paused and rejected templates are noticed within the hour."""
    for tenant_id, account_id in templates.list_accounts():
        fetch_templates.delay(str(tenant_id), str(account_id))


@sweep_task(queue="low")
def forget_calls() -> None:
    """Delete what the exchange log keeps no longer."""
    calls.forget()


@tenant_task(queue="default")
def update_slack(approval_id: UUID) -> None:
    """Show in Slack what became of a request."""
    posts.update_all_of(approval_id)


@tenant_task(queue="low")
def update_slack_message(message_id: UUID) -> None:
    """Update one message in Slack."""
    posts.update(message_id)


@sweep_task(queue="low")
def update_slack_messages() -> None:
    """Queue the messages in Slack whose request has moved on, and retries."""
    for tenant_id, message_id in posts.list_outdated():
        update_slack_message.delay(str(tenant_id), str(message_id))


@tenant_task(queue="low", limits=TimeLimits(90, 120))
def read_mailbox(account_id: UUID) -> None:
    """Read the new emails of a mailbox."""
    if reads.read_mailbox(account_id):
        work_deliveries.delay()


@sweep_task(queue="low", is_quick=True)
def read_mailboxes() -> None:
    """Queue the mailboxes that are due."""
    for tenant_id, account_id in reads.list_due():
        read_mailbox.delay(str(tenant_id), str(account_id))


SWEEPS = {
    "inbound-mailboxes": ("channels_app.tasks.read_mailboxes", 15.0),
    "inbound-deliveries": ("channels_app.tasks.work_deliveries", 1.0),
    "inbound-files": ("channels_app.tasks.fetch_files", 5.0),
    "templates": ("channels_app.tasks.sweep_templates", 3600.0),
    "slack-messages": ("channels_app.tasks.update_slack_messages", 10.0),
    "exchange-log": ("channels_app.tasks.forget_calls", 3600.0),
}


def provide() -> None:
    """Offer the tasks that channels queue by name; safe to repeat."""
    queues.provide("work_deliveries", work_deliveries.delay)
    queues.provide("show_reading", show_reading.delay)
    queues.provide("update_slack", update_slack.delay)
