"""App configuration of the approval engine."""

from django.apps import AppConfig


class HitlConfig(AppConfig):
    """Risky actions that wait for people."""

    name = "hitl"
    verbose_name = "Approvals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let services hint to the workers that stand above them; offer gauges and replays."""
        from core import dead_letters, resolvers  # noqa: PLC0415
        from hitl import erasure, hints, receivers, tasks, watchdog  # noqa: F401, PLC0415  (needs loaded apps)
        from hitl.services import parking, sending, timing  # noqa: PLC0415

        hints.send_with(tasks.execute_approval.delay, notify=tasks.send_notification.delay)
        receivers.connect()
        watchdog.register()
        for kind, again, words in (
            (sending.PARKED_AS, sending.send_again, dead_letters.Words("Tell somebody about a request")),
            (timing.PARKED_AS, timing.run_again, dead_letters.Words("Ring a request's timer")),
            (parking.PARKED_AS, parking.run_again, dead_letters.Words("Carry a request out", "hitl.approval")),
        ):
            dead_letters.register_replayer(kind, again, words)
        resolvers.register(
            resolvers.Resolver(
                name="decision_link",
                table="hitl_decisiontoken",
                match="digest",
                columns=(("tenant_id", "uuid"), ("id", "uuid")),
            )
        )
