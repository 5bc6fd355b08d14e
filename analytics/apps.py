"""App configuration of analytics."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """The daily brief: preferences, schedule and content."""

    name = "analytics"
    verbose_name = "Analytics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the erasure handler, the retry of failed briefs, the mail receiver and the task."""
        from analytics import erasure, tasks  # noqa: F401, PLC0415
        from analytics.services import briefs, mail_events  # noqa: PLC0415  (models must be loaded first)
        from core.jobs import dead_letters, queueing  # noqa: PLC0415

        dead_letters.register_replayer(
            briefs.PARKED_AS, briefs.requeue_brief, dead_letters.Words("Prepare a daily brief")
        )
        mail_events.register()
        queueing.provide("make_brief", tasks.queue_brief)
