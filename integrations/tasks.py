"""Celery tasks of integrations: sending and retaining mail, sending push messages."""

from core.jobs.decorators import sweep
from integrations.mail import services
from integrations.push import delivery

# At once when mail is queued or a notice is left, and every few seconds for what was missed.
send_mail = sweep("integrations.tasks.send_mail", services.deliver_due, queue="default")
send_push = sweep("integrations.tasks.send_push", delivery.deliver_due)
sweep_mail = sweep("integrations.tasks.sweep_mail", services.sweep)
forget_mail = sweep("integrations.tasks.forget_mail", services.forget_texts, services.forget_rows)

SWEEPS = {
    "send-push": ("integrations.tasks.send_push", 10.0),
    "send-mail": ("integrations.tasks.send_mail", 5.0),
    "sweep-mail": ("integrations.tasks.sweep_mail", 30.0),
    "forget-mail": ("integrations.tasks.forget_mail", 60.0),
}
