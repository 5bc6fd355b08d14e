"""App configuration of the channels."""

from django.apps import AppConfig


class ChannelsAppConfig(AppConfig):
    """Incoming webhooks, WebSocket consumers and outgoing transports."""

    name = "channels_app"
    verbose_name = "Channels"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register transports, webhook handlers, replay, gauge, receivers and the system check."""
        from channels_app import checks, erasure, receivers  # noqa: F401, PLC0415  (models must be loaded first)
        from channels_app.email import diagnosis as email_diagnosis  # noqa: PLC0415
        from channels_app.email import handler as email_handler  # noqa: PLC0415
        from channels_app.email import inbound as email_inbound  # noqa: PLC0415
        from channels_app.own_app import handler as app_handler  # noqa: PLC0415
        from channels_app.own_app import inbound as app_inbound  # noqa: PLC0415
        from channels_app.own_app import transport as app_transport  # noqa: PLC0415
        from channels_app.webhooks import deliveries  # noqa: PLC0415  (models must be loaded first)
        from channels_app.whatsapp import diagnosis, fallbacks, handler, inbound, transport  # noqa: PLC0415
        from core.jobs import dead_letters  # noqa: PLC0415
        from core.observability import health  # noqa: PLC0415

        receivers.connect()
        transport.register()
        app_transport.register()
        fallbacks.register()
        diagnosis.register()
        email_diagnosis.register()
        deliveries.register_handler(inbound.PROVIDER, handler.receive_delivery)
        deliveries.register_handler(email_inbound.PROVIDER, email_handler.receive_delivery)
        deliveries.register_handler(app_inbound.PROVIDER, app_handler.receive_delivery)
        dead_letters.register_replayer(deliveries.KIND, deliveries.replay, dead_letters.Words("Receive a message"))
        health.register_gauge(
            "walker_inbound_oldest_seconds",
            deliveries.oldest_seconds,
            help="Age of the oldest stored webhook that is not processed yet.",
            late_above=30,
        )
