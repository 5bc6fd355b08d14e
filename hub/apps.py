"""Django's entry to the hub: its kind, receivers and what it takes of customers' messages register when it is ready."""

from django.apps import AppConfig


class HubConfig(AppConfig):
    """Payments that customers confirm, and contacts in a CRM."""

    name = "hub"

    def ready(self) -> None:
        """Register the kind, the answers to cards, receivers, tasks, the consumer of events and facts."""
        from conversations import registry  # noqa: PLC0415  (needs loaded apps)
        from core import bus  # noqa: PLC0415
        from core.events import signals  # noqa: PLC0415
        from core.jobs import queues  # noqa: PLC0415
        from core.observability import facts  # noqa: PLC0415
        from hitl.actions import registry as kinds  # noqa: PLC0415
        from hub import confirmations, drafts, erasure, retention, tasks  # noqa: F401, PLC0415
        from hub.actions import CommitTransaction  # noqa: PLC0415
        from hub.crm import cursors, events, worker  # noqa: PLC0415

        kinds.register(CommitTransaction)
        signals.approval_closed.connect(tasks.on_outcome, dispatch_uid="hub.approval_closed")
        signals.action_finished.connect(tasks.on_outcome, dispatch_uid="hub.action_finished")
        registry.takes_inbound(confirmations.may_confirm, confirmations.take_confirmation, in_open=True)
        registry.fills_text(drafts.text_with_code)
        bus.subscribe(events.CONSUMER, events.TYPES, events.take_events, start="now")
        queues.provide("request_commit", tasks.request_commit.delay)
        facts.register(
            facts.Fact(
                "crm_read_lag", "Seconds since the contacts of a CRM were read to the end or went on", cursors.read_lag
            )
        )
        facts.register(
            facts.Fact("crm_write_lag", "Seconds for which a contact has waited to go to a CRM", worker.write_lag)
        )
