"""App configuration of the channels."""

from importlib import import_module

from django.apps import AppConfig

PACKAGES = (
    "twilio_whatsapp",
    "twilio_sms",
    "meta_whatsapp",
    "email.sendgrid",
    "email.imap",
    "own_app",
    "web_chat",
    "approver_channels.slack",
    "approver_channels.whatsapp",
)
"""Every channel's package; its module `channel` registers it."""


class ChannelsAppConfig(AppConfig):
    """Incoming webhooks, WebSocket consumers and outgoing transports."""

    name = "channels_app"
    verbose_name = "Channels"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the channels, and what looks after all of them."""
        for package in PACKAGES:
            import_module(f"channels_app.{package}.channel")
        from channels_app import receivers, tasks  # noqa: PLC0415  (models must be loaded first)
        from channels_app.kit import checks, erasure  # noqa: F401, PLC0415
        from channels_app.kit.phones import fallbacks  # noqa: PLC0415
        from channels_app.webhooks import deliveries  # noqa: PLC0415

        receivers.connect()
        tasks.provide()
        fallbacks.register()
        erasure.register()
        deliveries.register()
