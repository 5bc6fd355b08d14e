"""Celery tasks of integrations: mail, push messages, the record of calls, mirrors of ad campaigns, the audit log."""

from core.jobs.decorators import WEBHOOKS, sweep_task
from integrations.calls import records
from integrations.mail import registrations, services
from integrations.mirrors import poller
from integrations.push import delivery
from integrations.siem import worker


@sweep_task(queue="default")
def send_mail() -> None:
    """Send due mail: at once when mail is queued, and every few seconds for what was missed."""
    services.deliver_due()
    registrations.deliver_due()


@sweep_task(queue="low")
def sweep_mail() -> None:
    """Requeue mail of killed workers and park unknown mail."""
    services.sweep()


@sweep_task(queue="low")
def forget_mail() -> None:
    """Delete the rows of mail that is much older than its content is kept."""
    services.forget_rows()


@sweep_task(queue="low")
def send_push() -> None:
    """Send due push messages: at once when a notice is left, and every few seconds for what was missed."""
    delivery.deliver_due()


@sweep_task(queue="low")
def record_calls() -> None:
    """Write the rows of calls that were made, and delete old ones."""
    records.write_rows()
    records.forget_old()


@sweep_task(queue="low")
def mirror_ad_campaigns() -> None:
    """Read the ad campaigns of the connections that are due."""
    poller.poll_due()


@sweep_task(queue=WEBHOOKS)
def forward_audit_logs() -> None:
    """Send what is new in the audit logs to the organisations' security systems, among other calls that may wait."""
    worker.forward_due()


SWEEPS = {
    "record-calls": ("integrations.tasks.record_calls", 5.0),
    "send-push": ("integrations.tasks.send_push", 10.0),
    "send-mail": ("integrations.tasks.send_mail", 5.0),
    "sweep-mail": ("integrations.tasks.sweep_mail", 30.0),
    "mirror-ad-campaigns": ("integrations.tasks.mirror_ad_campaigns", 15.0),
    "forward-audit-logs": ("integrations.tasks.forward_audit_logs", 5.0),
    "forget-mail": ("integrations.tasks.forget_mail", 60.0),
}
