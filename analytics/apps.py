"""App configuration of analytics."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """The daily brief, exports, people's requests, alerts, and the figures that are counted from events."""

    name = "analytics"
    verbose_name = "Analytics"

    def ready(self) -> None:
        """Register events and what counts them, erasure, retries of briefs, mail, exports, alerts, facts, and tasks."""
        from analytics import erasure, event_types, tasks  # noqa: F401, PLC0415  (models must be loaded first)
        from analytics.alerts import receivers  # noqa: F401, PLC0415
        from analytics.event_store import store  # noqa: PLC0415
        from analytics.exports import approvals, conversations, events, figures, mails  # noqa: F401, PLC0415
        from analytics.exports.erasure import ExportsErasure  # noqa: F401, PLC0415
        from analytics.exports.people import subjects  # noqa: F401, PLC0415
        from analytics.figures import consumer, limits, shown  # noqa: F401, PLC0415
        from analytics.person_requests.erasure import PersonRequestsErasure  # noqa: F401, PLC0415
        from analytics.person_requests.requests import due_soon  # noqa: F401, PLC0415
        from analytics.services import briefs, mail_events  # noqa: F401, PLC0415
        from core import bus  # noqa: PLC0415
        from core.jobs import dead_letters, queues  # noqa: PLC0415

        dead_letters.register_replayer(
            briefs.PARKED_AS, briefs.requeue_brief, dead_letters.Words("Prepare a daily brief")
        )
        bus.subscribe(store.CONSUMER, None, store.keep)
        bus.replay_from(bus.Store(store.CONSUMER, store.read_since, store.list_tenants))
        queues.provide("make_brief", tasks.queue_brief)
        queues.provide("write_export", tasks.write_export.delay)
        queues.provide("send_alert", tasks.send_alert.delay)
