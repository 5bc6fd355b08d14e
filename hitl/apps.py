"""App configuration of the approval engine."""

from django.apps import AppConfig


class HitlConfig(AppConfig):
    """Risky actions that wait for people."""

    name = "hitl"
    verbose_name = "Approvals"
    default_auto_field = "django.db.models.BigAutoField"
