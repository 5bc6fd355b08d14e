"""Celery tasks of integrations: sending and retaining mail."""

from core.jobs.decorators import sweep_task
from integrations.mail import services


@sweep_task(queue="default")
def send_mail() -> None:
    """Send due mail: at once when mail is queued, and every few seconds for what was missed."""
    services.deliver_due()


@sweep_task(queue="low")
def sweep_mail() -> None:
    """Requeue mail of killed workers and park unknown mail."""
    services.sweep()


@sweep_task(queue="low")
def forget_mail() -> None:
    """Delete the content of old mail, and the rows of much older mail."""
    services.forget_texts()
    services.forget_rows()


SWEEPS = {
    "send-mail": ("integrations.tasks.send_mail", 5.0),
    "sweep-mail": ("integrations.tasks.sweep_mail", 30.0),
    "forget-mail": ("integrations.tasks.forget_mail", 60.0),
}
