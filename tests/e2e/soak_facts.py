"""What an installation has stored of a soak, told as JSON by a process of its own."""

import json
from collections import Counter

MARK = "this is soak "


def tell() -> None:
    """Print the texts of customers, what is left over, and how many answers each burst has."""
    from accounts.models import Tenant
    from agents.models import AgentRun, AgentRunMessage
    from channels_app.models import InboundDelivery
    from conversations.models import Message
    from core.tenancy.scope import platform_scope, tenant_scope

    with platform_scope():
        tenant_id = Tenant.objects.get(slug="acme").pk
    with tenant_scope(tenant_id):
        left = [list(row) for row in InboundDelivery.objects.exclude(state="done").values_list("provider", "error")]
        came = [row for row in Message.objects.filter(direction="in") if MARK in row.body]
        talks = {row.conversation_id for row in came}
        answered = Counter(
            Message.objects.filter(conversation_id__in=talks, direction="out", sender_type="agent").values_list(
                "conversation_id", flat=True
            )
        )
        runs = AgentRun.objects.filter(conversation_id__in=talks)
        open_runs = runs.exclude(state__in=["finished", "waiting"]).values_list("state", flat=True)
        inputs = AgentRunMessage.objects.filter(run__in=runs).select_related("run")
        in_runs = {one.message_id for one in inputs}
        # A run answers its first message at once and those that follow together: each once.
        rounds = {(one.run.conversation_id, one.run_id, one.answered_at) for one in inputs}
        asked = Counter(talk for talk, _, _ in rounds)
        unanswered = [*open_runs, *("no answer" for one in talks if not answered[one])]
        unanswered += ["not answered" for one in inputs if one.answered_at is None]
        unanswered += ["no run" for row in came if row.pk not in in_runs]
        facts = {
            "left": left,
            "texts": [row.body for row in came],
            "unanswered": unanswered,
            "doubled": [[answered[one], asked[one]] for one in talks if answered[one] > asked[one]],
            "answers": dict(Counter(answered[one] for one in talks)),
        }
    print(json.dumps(facts))  # noqa: T201
