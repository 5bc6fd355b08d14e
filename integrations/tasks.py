"""Background work of the integrations: mail."""

from core.jobs.decorators import sweep_task
from integrations.mail import services


@sweep_task(queue="default")
def send_mail() -> None:
    """Hand over the mail that is due: after a hint, and every few seconds for what a hint missed."""
    services.deliver_due()


@sweep_task(queue="low")
def sweep_mail() -> None:
    """Bring back mail that a killed worker held, and park what nobody knows about."""
    services.sweep()


@sweep_task(queue="low")
def forget_mail() -> None:
    """Drop what old mails said, and mails that are much older."""
    services.forget_texts()
    services.forget_rows()


SWEEPS = {
    "send-mail": ("integrations.tasks.send_mail", 5.0),
    "sweep-mail": ("integrations.tasks.sweep_mail", 30.0),
    "forget-mail": ("integrations.tasks.forget_mail", 60.0),
}
