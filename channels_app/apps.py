"""App configuration of the channels."""

from django.apps import AppConfig


class ChannelsAppConfig(AppConfig):
    """Incoming webhooks, WebSocket consumers and outgoing transports."""

    name = "channels_app"
    verbose_name = "Channels"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register transports, webhook handlers, replay, gauge, receivers and the system check."""
        from channels_app import receivers  # noqa: PLC0415  (models must be loaded first)
        from channels_app.approver_channels.slack import diagnosis as slack_diagnosis  # noqa: PLC0415
        from channels_app.approver_channels.slack import handler as slack_handler  # noqa: PLC0415
        from channels_app.approver_channels.slack import inbound as slack_inbound  # noqa: PLC0415
        from channels_app.approver_channels.slack import notifier  # noqa: PLC0415
        from channels_app.approver_channels.whatsapp import notifier as whatsapp_notifier  # noqa: PLC0415
        from channels_app.email import arrivals, files, inbox  # noqa: PLC0415
        from channels_app.email import diagnosis as email_diagnosis  # noqa: PLC0415
        from channels_app.email import transport as email_transport  # noqa: PLC0415
        from channels_app.email.sendgrid import handler as email_handler  # noqa: PLC0415
        from channels_app.email.sendgrid import inbound as email_inbound  # noqa: PLC0415
        from channels_app.kit import checks, erasure, media  # noqa: F401, PLC0415
        from channels_app.kit.phones import fallbacks  # noqa: PLC0415
        from channels_app.meta_whatsapp import diagnosis as cloud_diagnosis  # noqa: PLC0415
        from channels_app.meta_whatsapp import handler as cloud_handler  # noqa: PLC0415
        from channels_app.meta_whatsapp import inbound as cloud_inbound  # noqa: PLC0415
        from channels_app.meta_whatsapp import transport as cloud_transport  # noqa: PLC0415
        from channels_app.own_app import diagnosis as app_diagnosis  # noqa: PLC0415
        from channels_app.own_app import handler as app_handler  # noqa: PLC0415
        from channels_app.own_app import inbound as app_inbound  # noqa: PLC0415
        from channels_app.own_app import transport as app_transport  # noqa: PLC0415
        from channels_app.tasks import show_reading, update_slack  # noqa: PLC0415
        from channels_app.twilio import diagnosis, handler, inbound, transport  # noqa: PLC0415
        from channels_app.webhooks import deliveries  # noqa: PLC0415  (models must be loaded first)
        from conversations.registry import register_deliveries  # noqa: PLC0415
        from core.jobs import dead_letters, queues  # noqa: PLC0415
        from core.observability import facts, health  # noqa: PLC0415
        from hitl import notification_channels  # noqa: PLC0415

        receivers.connect()
        transport.register()
        app_transport.register()
        cloud_transport.register()
        queues.provide("show_reading", show_reading.delay)
        queues.provide("update_slack", update_slack.delay)
        fallbacks.register()
        diagnosis.register()
        cloud_diagnosis.register()
        email_diagnosis.register()
        app_diagnosis.register()
        deliveries.register_handler(inbound.PROVIDER, handler.receive_delivery)
        deliveries.register_handler(cloud_inbound.PROVIDER, cloud_handler.receive_delivery)
        deliveries.register_handler(email_inbound.PROVIDER, email_handler.receive_delivery)
        deliveries.register_handler(slack_inbound.PROVIDER, slack_handler.receive_delivery)
        slack_diagnosis.register()
        notification_channels.register(notifier.CHANNEL, notifier.SlackNotifier)
        notification_channels.register(whatsapp_notifier.CHANNEL, whatsapp_notifier.WhatsAppNotifier)
        deliveries.register_handler(app_inbound.PROVIDER, app_handler.receive_delivery)
        register_deliveries(deliveries.has_next)
        email_transport.register()
        deliveries.register_handler(arrivals.PROVIDER, inbox.receive_delivery)
        media.register_fetch("email", files.read_file)
        dead_letters.register_replayer(deliveries.KIND, deliveries.replay, dead_letters.Words("Receive a message"))
        facts.register(
            facts.Fact("inbound_oldest", "Age in seconds of the oldest unprocessed webhook", deliveries.oldest_of_scope)
        )
        health.register_gauge(
            "walker_inbound_oldest_seconds",
            deliveries.oldest_seconds,
            help="Age of the oldest stored webhook that is not processed yet.",
            late_above=30,
        )
