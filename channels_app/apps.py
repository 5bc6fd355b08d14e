"""App configuration of the doors."""

from django.apps import AppConfig


class ChannelsAppConfig(AppConfig):
    """Webhooks in, WebSocket consumers, transports out."""

    name = "channels_app"
    verbose_name = "Doors"
    default_auto_field = "django.db.models.BigAutoField"
