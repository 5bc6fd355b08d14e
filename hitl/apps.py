"""App configuration of the approval engine."""

from django.apps import AppConfig


class HitlConfig(AppConfig):
    """Risky actions that wait for people."""

    name = "hitl"
    verbose_name = "Approvals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let services hint to the workers that stand above them; offer gauges and replays."""
        from core.jobs import dead_letters  # noqa: PLC0415
        from core.tenancy import lookups  # noqa: PLC0415
        from hitl import (  # noqa: PLC0415  (needs loaded apps)
            receivers,
            tasks,
            tasks_dispatch,
        )
        from hitl.approvals import due  # noqa: PLC0415
        from hitl.execution import dead_letters as parking  # noqa: PLC0415
        from hitl.notifications import send  # noqa: PLC0415
        from hitl.ops import erasure, health  # noqa: F401, PLC0415  (needs loaded apps)

        tasks_dispatch.send_with(tasks.execute_approval.delay, notify=tasks.send_notification.delay)
        receivers.connect()
        health.register()
        for kind, again, words in (
            (send.PARKED_AS, send.send_again, dead_letters.Words("Tell somebody about a request")),
            (due.PARKED_AS, due.run_again, dead_letters.Words("Ring a request's timer")),
            (parking.PARKED_AS, parking.run_again, dead_letters.Words("Carry a request out", "hitl.approval")),
        ):
            dead_letters.register_replayer(kind, again, words)
        lookups.register(
            lookups.Resolver(
                name="decision_link",
                table="hitl_decisiontoken",
                match="digest",
                columns=(("tenant_id", "uuid"), ("id", "uuid")),
            )
        )
