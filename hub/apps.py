"""Django's entry to the hub: its kind, receivers and what it takes of customers' messages register when it is ready."""

from django.apps import AppConfig


class HubConfig(AppConfig):
    """Payments that customers confirm, and contacts in a CRM."""

    name = "hub"

    def ready(self) -> None:
        """Register the kind, the answers to cards, receivers, tasks and the consumer of events."""
        from conversations import registry  # noqa: PLC0415  (needs loaded apps)
        from core import bus  # noqa: PLC0415
        from core.events import signals  # noqa: PLC0415
        from core.jobs import queues  # noqa: PLC0415
        from hitl.actions import registry as kinds  # noqa: PLC0415
        from hub import confirmations, drafts, erasure, tasks  # noqa: F401, PLC0415
        from hub.actions import CommitTransaction  # noqa: PLC0415
        from hub.crm import events  # noqa: PLC0415

        kinds.register(CommitTransaction)
        signals.approval_closed.connect(tasks.on_outcome, dispatch_uid="hub.approval_closed")
        signals.action_finished.connect(tasks.on_outcome, dispatch_uid="hub.action_finished")
        registry.takes_inbound(confirmations.may_confirm, confirmations.take_confirmation, in_open=True)
        registry.fills_text(drafts.text_with_code)
        bus.subscribe(events.CONSUMER, events.TYPES, events.take_events, start="now")
        queues.provide("request_commit", tasks.request_commit.delay)
