"""Django's entry to the agents app: receivers and tools register when it is ready."""

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


class AgentsConfig(AppConfig):
    """Agents, versions, runs and tool calls."""

    name = "agents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers and register tools and models."""
        from agents import checks, erasure, receivers, retention, tasks  # noqa: F401, PLC0415  (needs loaded apps)
        from agents.answering.audiences import PlatformAudiences  # noqa: PLC0415
        from agents.answering.routing.rules import drop_rules_of  # noqa: PLC0415
        from agents.answering.runs import lease, outcomes  # noqa: PLC0415
        from agents.answering.tickets.customers import find_customer  # noqa: PLC0415
        from agents.answering.tools import (  # noqa: F401, PLC0415  (they register)
            actions,
            answer,
            files,
            knowledge,
            own_requests,
            people,
            resend,
            tickets,
            transactions,
            withdraw,
        )
        from agents.knowledge.search import storage  # noqa: PLC0415
        from agents.langflow import head  # noqa: PLC0415
        from agents.llm import registry  # noqa: PLC0415  (needs loaded apps)
        from agents.llm.loop import BuiltinLoop  # noqa: PLC0415
        from agents.llm.routes import availability  # noqa: PLC0415
        from agents.llm.routes.selectors import spent_percent  # noqa: PLC0415
        from agents.selectors import AgentTargets  # noqa: PLC0415
        from conversations.registry import register_audience_source, when_team_goes  # noqa: PLC0415
        from core.jobs import dead_letters, queues  # noqa: PLC0415
        from core.jobs.decorators import MODELS  # noqa: PLC0415
        from core.observability import facts, health  # noqa: PLC0415
        from hitl.killswitch.targets import targets  # noqa: PLC0415
        from integrations.ticketing import registry as ticketing  # noqa: PLC0415

        receivers.connect()
        post_migrate.connect(storage.prepare, sender=self, dispatch_uid="agents.vectors")
        queues.provide("read_document", tasks.read_document.delay)
        queues.provide("fetch_site", tasks.fetch_site.delay)
        queues.provide("embed_document", tasks.embed_document.delay)
        queues.provide("answer_trial", tasks.answer_trial.delay)
        queues.provide("ask_model_in_trial", tasks.ask_model_in_trial.delay)
        queues.provide("check_agent", tasks.check_agent.delay)
        queues.provide("ask_model_in_check", tasks.ask_model_in_check.delay)
        queues.provide("refresh_tickets", tasks.refresh_tickets.delay)
        dead_letters.register_replayer(
            outcomes.KIND, outcomes.replay, dead_letters.Words("Answer as an agent", "agents.agentrun")
        )
        register_audience_source(PlatformAudiences())
        ticketing.register(find_customer)
        when_team_goes(drop_rules_of)
        targets.register("agent", AgentTargets)
        facts.register(
            facts.Fact("budget_percent", "Percent of its limit that the fullest budget has spent", spent_percent)
        )
        health.register_gauge(
            "walker_runs_oldest_seconds",
            lease.oldest_due_seconds,
            help="Age of the oldest run of an agent that is due and that no worker has.",
            late_above=60,
        )
        are_alive = health.alive(MODELS)
        health.register_check("model_workers", lambda: are_alive() if availability.needs_workers() else "")
        for provider in settings.MODEL_PROVIDERS:
            import_module(provider).register()
        availability.register()
        registry.register_orchestrator("builtin", BuiltinLoop)
        head.register()
