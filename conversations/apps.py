"""App configuration of conversations."""

from django.apps import AppConfig

from core.tenancy import lookups


class ConversationsConfig(AppConfig):
    """Contacts, conversations, messages and their delivery."""

    name = "conversations"

    def ready(self) -> None:
        """Register look-ups, events, the action kind, the gauge, reveals, receivers, tasks."""
        from accounts.permissions.team_scope import find_teams_with, keep_teams_with  # noqa: PLC0415  (needs the models)
        from conversations import (  # noqa: PLC0415
            actions,  # noqa: F401
            erasure,  # noqa: F401
            gauges,  # noqa: F401
            receivers,
            registry,
            retention,  # noqa: F401
            reveals,  # noqa: F401
        )
        from conversations.custom_fields import facts  # noqa: PLC0415
        from conversations.events import event_types  # noqa: F401, PLC0415
        from conversations.inbox.teams import shared  # noqa: PLC0415
        from conversations.inbox.teams.seen import teams_of  # noqa: PLC0415
        from conversations.inbox.teams.teams import Keeper  # noqa: PLC0415
        from conversations.replies import canned_replies  # noqa: PLC0415
        from conversations.surveys import links, surveys  # noqa: PLC0415
        from conversations.tasks import (  # noqa: PLC0415
            assign_waiting,
            deliver,
            leave_teams,
            send_triage_reply,
            work_bulk_change,
        )
        from core.jobs import queues  # noqa: PLC0415
        from hitl.actions import own_fields  # noqa: PLC0415

        find_teams_with(teams_of)
        keep_teams_with(Keeper())
        own_fields.read_with(own_fields.FieldSource(facts.kinds_in_rules, facts.facts_for_requests))
        receivers.connect()
        registry.when_closed(surveys.plan_survey)
        registry.takes_inbound(surveys.may_be_answer, surveys.take_answer)
        registry.fills_text(links.text_with_link)
        registry.when_team_goes(surveys.leave_team)
        registry.when_team_goes(shared.drop_those_of)
        registry.when_team_goes(canned_replies.delete_those_of)
        queues.provide("deliver_message", deliver.delay)
        queues.provide("assign_waiting", assign_waiting.delay)
        queues.provide("leave_teams", leave_teams.delay)
        queues.provide("send_triage_reply", send_triage_reply.delay)
        queues.provide("work_bulk_change", work_bulk_change.delay)

        # An account by its public key, by its address at the provider, or by the provider's account alone.
        by = (("account_by_key", "public_key"), ("channel", "lookup_digest"), ("provider_account", "provider_digest"))
        for name, column in by:
            lookups.register(
                lookups.Resolver(
                    name=name,
                    table="conversations_channelaccount",
                    match=column,
                    columns=(("tenant_id", "uuid"), ("id", "uuid")),
                    condition=f"t.is_active and t.{column} <> ''",
                    reads=("is_active",),
                )
            )
