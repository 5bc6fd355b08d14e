"""App configuration of core."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The base of all other apps."""

    name = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register system checks, what replays failed jobs, and the tasks that services enqueue."""
        from core import tasks  # noqa: PLC0415  (needs loaded apps)
        from core.audit import anchor_places, anchors, vouched  # noqa: PLC0415
        from core.events import relay  # noqa: PLC0415
        from core.jobs import dead_letters, queueing  # noqa: PLC0415
        from core.observability import checks, health  # noqa: F401, PLC0415
        from core.privacy.erasure import own, services  # noqa: F401, PLC0415

        dead_letters.register_replayer(relay.PARKED_AS, relay.announce_again, dead_letters.Words("Relay an event"))
        words = dead_letters.Words("Erase a person", "core.erasure")
        dead_letters.register_replayer(services.PARKED_AS, services.run_again, words)
        vouched.register(anchors.stored_problems)
        health.register_gauge(
            "walker_audit_anchors_failing",
            anchor_places.count_failing,
            help="Places outside the database to which anchors of audit logs can't be written, over all tenants.",
            late_above=0,
        )
        queueing.provide("relay_outbox", tasks.relay_outbox.delay)
        queueing.provide("erase_person", tasks.erase_person.delay)
        queueing.provide("deliver_webhook", tasks.deliver_webhook.delay)
