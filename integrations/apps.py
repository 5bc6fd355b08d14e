"""App configuration of integrations."""

from functools import partial

from django.apps import AppConfig
from django.conf import settings
from django.utils.module_loading import import_string


class IntegrationsConfig(AppConfig):
    """Provider accounts, mail and webhooks out, and the outside platforms."""

    name = "integrations"

    def ready(self) -> None:
        """Register platforms, the mail channel and its receivers, the replayer and the checks."""
        from core import bus  # noqa: PLC0415
        from core.audit import anchor_places  # noqa: PLC0415
        from core.events import signals  # noqa: PLC0415
        from core.jobs import dead_letters, queues  # noqa: PLC0415 - models must be loaded first
        from core.observability import facts, health  # noqa: PLC0415 - models must be loaded first
        from core.privacy import sealed_files  # noqa: PLC0415
        from hitl import notification_channels  # noqa: PLC0415
        from hitl.killswitch.targets import targets  # noqa: PLC0415
        from integrations import checks, erasure, object_store, platforms, tasks  # noqa: F401, PLC0415
        from integrations.ads import targets as ad_campaigns  # noqa: F401, PLC0415
        from integrations.connections.registry import register_note  # noqa: PLC0415
        from integrations.connections.selectors import ConnectionTargets, count_expired  # noqa: PLC0415
        from integrations.mail import delivery, errors, events, invitations, notices, notifier, resets  # noqa: PLC0415
        from integrations.mirrors.poller import readable  # noqa: PLC0415
        from integrations.mirrors.services import AD_CAMPAIGNS  # noqa: PLC0415
        from integrations.outgoing_webhooks import events as webhook_events  # noqa: PLC0415
        from integrations.outgoing_webhooks import purpose  # noqa: PLC0415
        from integrations.siem import selectors as siem  # noqa: PLC0415
        from integrations.sync import services as sync  # noqa: PLC0415
        from integrations.ticketing.selectors import say_who_answers  # noqa: PLC0415

        anchor_places.register(object_store.ObjectStore.name, object_store.from_settings)
        sealed_files.register(object_store.FileBucket.name, object_store.files_from_settings)
        # Named in the settings like authentication backends: a platform is added without an edit here.
        for path in settings.PLATFORMS:
            platforms.register(import_string(path))
        targets.register("connection", ConnectionTargets)
        register_note(say_who_answers)
        notification_channels.register(notifier.CHANNEL, notifier.MailNotifier)
        events.register(notifier.TYPE, notifier.ApprovalMail)
        events.register(notifier.DIGEST, notifier.DigestMail)
        events.register(invitations.TYPE, invitations.InvitationMail)
        signals.member_invited.connect(invitations.on_invited, dispatch_uid="integrations.member_invited")
        dead_letters.register_replayer(
            delivery.KIND, delivery.replay, dead_letters.Words("Send an email", delivery.KIND, errors.describe_error)
        )
        events.register(resets.ASKED, resets.ResetMail)
        events.register(resets.CHANGED, resets.PasswordMail)
        events.register(notices.TYPE, notices.NoticeMail)
        signals.notice_alerted.connect(notices.on_alert, dispatch_uid="integrations.notice_alerted")
        signals.password_reset_asked.connect(resets.on_reset_asked, dispatch_uid="integrations.reset_asked")
        signals.password_changed.connect(resets.on_password_changed, dispatch_uid="integrations.password_changed")
        health.register_gauge(
            "walker_mail_oldest_seconds",
            delivery.oldest_seconds,
            help="Age of the oldest mail that is due and was not sent.",
            late_above=300,
        )

        facts.register(
            facts.Fact(
                "sync_lag",
                "Seconds since the ad campaigns of a connection were read to the end",
                partial(sync.lag, AD_CAMPAIGNS, readable),
            )
        )
        facts.register(
            facts.Fact(
                "audit_forward_lag",
                "Seconds for which an entry of the audit log has waited to go to a security system",
                siem.lag,
            )
        )
        facts.register(facts.Fact("connections_expired", "Connections that have expired", count_expired))
        purpose.register()
        bus.subscribe(webhook_events.CONSUMER, None, webhook_events.take_events, start="now")
        queues.provide("send_mail", tasks.send_mail.delay)
        queues.provide("send_push", tasks.send_push.delay)
