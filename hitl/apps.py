"""App configuration of the approval engine."""

from django.apps import AppConfig


class HitlConfig(AppConfig):
    """Approvals of risky actions."""

    name = "hitl"
    verbose_name = "Approvals"

    def ready(self) -> None:
        """Connect services to their tasks, and register gauges and retries."""
        from accounts.members import own_roles  # noqa: PLC0415  (needs the models)
        from core.audit import vouched  # noqa: PLC0415
        from core.jobs import dead_letters, queues  # noqa: PLC0415
        from core.tenancy import lookups  # noqa: PLC0415
        from hitl import receivers, tasks  # noqa: PLC0415  (needs loaded apps)
        from hitl.actions import checks  # noqa: F401, PLC0415
        from hitl.approvals.change import due  # noqa: PLC0415
        from hitl.approvals.integrity import verification  # noqa: PLC0415
        from hitl.approvals.state import event_types  # noqa: F401, PLC0415
        from hitl.execution import dead_letters as failed_executions  # noqa: PLC0415
        from hitl.notifications import send  # noqa: PLC0415
        from hitl.ops import erasure, health, retention  # noqa: F401, PLC0415  (needs loaded apps)
        from hitl.policy.selectors import workflows_naming  # noqa: PLC0415

        queues.provide("execute_approval", tasks.execute_approval.delay)
        queues.provide("work_batch", tasks.work_batch.delay)
        queues.provide("write_evidence", tasks.write_evidence.delay)
        queues.provide("send_notification", tasks.send_notification.delay)
        queues.provide("run_simulation", tasks.run_simulation.delay)
        receivers.connect()
        own_roles.find_uses_with(workflows_naming)
        health.register()
        for check in (verification.broken_requests, *verification.BESIDE_REQUESTS):
            vouched.register(check)
        for kind, again, words in (
            (send.PARKED_AS, send.send_again, dead_letters.Words("Send a notification about a request")),
            (due.PARKED_AS, due.run_again, dead_letters.Words("Run a request's timer")),
            (
                failed_executions.PARKED_AS,
                failed_executions.run_again,
                dead_letters.Words("Execute a request", "hitl.approval"),
            ),
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
