"""App configuration of core."""

from functools import partial
from typing import get_args

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The base of all other apps."""

    name = "core"

    def ready(self) -> None:
        """Register system checks, what replays failed jobs, and the tasks that services enqueue."""
        from core import http, tasks  # noqa: PLC0415  (needs loaded apps)
        from core.audit import anchor_places, anchors, vouched  # noqa: PLC0415
        from core.bus import poison  # noqa: PLC0415
        from core.events import relay  # noqa: PLC0415
        from core.installation import address, errors, metrics_ports, servers, state  # noqa: F401, PLC0415
        from core.jobs import dead_letters, queues  # noqa: PLC0415
        from core.jobs.decorators import Queue  # noqa: PLC0415
        from core.observability import health, metrics  # noqa: PLC0415
        from core.observability.errors import receiver  # noqa: PLC0415
        from core.observability.errors.records import report_what_nobody_catches  # noqa: PLC0415
        from core.privacy.erasure import own, services  # noqa: F401, PLC0415
        from core.webhooks import gauges  # noqa: PLC0415

        http.listen(metrics.note_provider_call)
        receiver.load()
        report_what_nobody_catches()
        dead_letters.register_replayer(relay.PARKED_AS, relay.announce_again, dead_letters.Words("Relay an event"))
        words = dead_letters.Words("Erase a person", "core.erasure")
        dead_letters.register_replayer(services.PARKED_AS, services.run_again, words)
        dead_letters.register_replayer(poison.PARKED_AS, poison.take_again, dead_letters.Words("Process an event"))
        vouched.register(anchors.stored_problems)
        vouched.register(services.unasked_erasures)
        health.register_gauge(
            "walker_audit_anchors_failing",
            anchor_places.count_failing,
            help="Places outside the database to which anchors of audit logs can't be written, over all tenants.",
            late_above=0,
        )
        health.register_gauge(
            "walker_webhooks_oldest_seconds",
            gauges.oldest_seconds,
            help="Age of the oldest webhook that may be sent now, over all tenants.",
            late_above=60,
        )
        health.register_gauge(
            "walker_webhooks_waiting",
            gauges.count_waiting,
            help="Webhooks that are not sent yet, also to paused endpoints.",
        )
        health.register_gauge(
            "walker_webhooks_endpoints_failing",
            gauges.count_failing,
            help="Endpoints whose last attempt failed, or that were switched off.",
        )
        for queue in get_args(Queue):
            health.register_gauge(
                "walker_queue_depth",
                partial(queues.depth, queue),
                help="Tasks that wait for a worker.",
                label=("queue", queue),
            )
        health.register_alert("webhook_workers", gauges.missing_workers)
        queues.provide("relay_outbox", tasks.relay_outbox.delay)
        queues.provide("erase_person", tasks.erase_person.delay)
        queues.provide("deliver_webhook", tasks.deliver_webhook.delay)
