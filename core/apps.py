"""App configuration of core."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The ground that every other app stands on."""

    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from core import checks  # noqa: F401, PLC0415
