"""App configuration of the doors."""

from django.apps import AppConfig


class ChannelsAppConfig(AppConfig):
    """Webhooks in, WebSocket consumers, transports out."""

    name = "channels_app"
    verbose_name = "Channels"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Offer the transports, the work of Twilio's deliveries, their replay, gauge and system check."""
        from channels_app import checks, erasure, receivers  # noqa: F401, PLC0415  (models must be loaded first)
        from channels_app.email import handler as email_arriving  # noqa: PLC0415
        from channels_app.email import inbound as email_inbound  # noqa: PLC0415
        from channels_app.webhooks import deliveries  # noqa: PLC0415  (models must be loaded first)
        from channels_app.whatsapp import fallbacks, handler, inbound, transport  # noqa: PLC0415
        from core.jobs import dead_letters  # noqa: PLC0415
        from core.observability import health  # noqa: PLC0415

        receivers.connect()
        transport.register()
        fallbacks.register()
        deliveries.register_worker(inbound.PROVIDER, handler.work)
        deliveries.register_worker(email_inbound.PROVIDER, email_arriving.work)
        dead_letters.register_replayer(deliveries.KIND, deliveries.replay, dead_letters.Words("Take a message in"))
        health.register_gauge(
            "walker_inbound_oldest_seconds",
            deliveries.oldest_seconds,
            help="Age of the oldest webhook that was stored and is not worked yet.",
            late_above=30,
        )
