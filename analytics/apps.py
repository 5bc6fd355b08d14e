"""App configuration of analytics."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """The daily brief: who gets one, when, and what stands in it."""

    name = "analytics"
    verbose_name = "Analytics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say how a failed brief is tried again, and hear of opens and clicks."""
        from analytics import erasure  # noqa: F401, PLC0415
        from analytics.services import briefs, mail_events  # noqa: PLC0415  (models must be loaded first)
        from core.jobs import dead_letters  # noqa: PLC0415

        dead_letters.register_replayer(briefs.PARKED_AS, briefs.make_again, dead_letters.Words("Put a brief together"))
        mail_events.register()
