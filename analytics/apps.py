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
        from analytics.services import making, tracking  # noqa: PLC0415  (models must be loaded first)
        from core import dead_letters  # noqa: PLC0415

        dead_letters.register_replayer(making.PARKED_AS, making.make_again, dead_letters.Words("Put a brief together"))
        tracking.register()
