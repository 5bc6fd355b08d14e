"""App configuration of the composition root."""

from django.apps import AppConfig


class WalkerConfig(AppConfig):
    """Ties the installation together: commands, Celery."""

    name = "config"

    def ready(self) -> None:
        """Make our Celery application the current one in every process that sends tasks."""
        from config import celery  # noqa: F401, PLC0415
