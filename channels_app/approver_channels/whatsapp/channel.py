"""WhatsApp as a channel of notifications: it has no accounts of its own, and uses those of customers' numbers."""

from channels_app.approver_channels.whatsapp import notifier
from channels_app.kit.phones import reports
from hitl import notification_channels

notification_channels.register(notifier.CHANNEL, notifier.WhatsAppNotifier)
reports.register(notifier.apply_report)
