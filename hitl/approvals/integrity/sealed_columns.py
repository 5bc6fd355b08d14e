"""Say for every column of an approval and its rows how a change by another hand is noticed.

A column that is added later and not empty by default needs a migration that seals open requests again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Columns:
    """How each column of one table is protected; a test compares them with the model."""

    always: tuple[str, ...]
    """Covered by the seal, by value."""
    while_open: tuple[str, ...] = ()
    """Covered by value until the request ends; an erasure empties them afterwards."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """Checked by something else: by what."""
    harmless: Mapping[str, str] = field(default_factory=dict)
    """Not covered: why another value cannot cause an effect. The threat model lists exactly these."""

    def known(self) -> set[str]:
        """Return every column that is declared."""
        return {*self.always, *self.while_open, *self.elsewhere, *self.harmless}


APPROVAL: Final = Columns(
    always=(
        *("id", "tenant_id", "reference", "state", "version", "holds", "kind", "kind_version", "revision", "digest"),
        *("facts_digest", "risk_score", "risk_level", "risk_factors", "risk_version", "risk_policy"),
        *("cost", "currency", "reach", "requester_id", "requester_kind", "agent_id", "conversation_id", "run_id"),
        *("tool_call_id", "channel", "excluded", "workflow_id", "workflow_version", "snapshot", "level"),
        *("votes_required", "votes_received", "assigned_to_id", "priority", "rounds", "escalation_step"),
        *("paused_clocks", "superseded_by_id", "created_at", "expires_at", "execute_by", "sla_due_at"),
        *("escalated_at", "escalated_to", "decided_at", "decided_by_id", "decided_name", "decided_role"),
        *("decided_as", "moved_at", "resolved_at", "execute_after", "compliance_flags"),
    ),
    while_open=(
        *("payload", "summary", "preview", "preview_url", "facts", "drift", "subject_key", "dedupe_key", "notes"),
        *("hold_reason", "escalation_reason", "contact_tags", "field_facts", "tags", "custom", "address"),
        "user_agent",
    ),
    elsewhere={"seal": "the newest audit entry of the request carries it"},
    harmless={
        "sla_breached_at": "it reports lateness; deadlines that end a request are sealed",
        "sla_minutes_over": "it reports lateness; deadlines that end a request are sealed",
        "reminder_count": "one reminder more or fewer",
        "last_reminder_at": "it is only shown",
        "first_viewed_at": "it is only counted",
        "people": "it only says which names are hidden from viewers",
    },
)
ASSIGNMENT: Final = Columns(
    always=(
        *("id", "tenant_id", "approval_id", "revision", "level", "person_id", "via_id", "rightful_id"),
        *("for_person_id", "source", "group", "opened_at", "closed_at", "moved_at"),
    ),
    elsewhere={"seal": "the set of them is in the seal of the request"},
)
DECISION: Final = Columns(
    always=(
        *("id", "tenant_id", "approval_id", "revision", "level", "digest", "person_id", "on_behalf_of_id"),
        *("actor_kind", "actor_name", "role", "verdict", "channel", "auth_strength", "created_at", "seal"),
    ),
    elsewhere={"reason": "its keyed digest is in the row's own seal; an erasure empties it"},
    harmless={"address": "an erasure empties it; the audit entry of the decision keeps the network"},
)
EXECUTION: Final = Columns(
    always=(
        *("id", "tenant_id", "approval_id", "revision", "digest", "idempotency_key", "fence", "attempt"),
        *("lease_until", "outcome", "started_at", "finished_at"),
    ),
    elsewhere={"seal": "the set of them is in the seal of the request"},
    harmless={
        "result": "what the target answered; the outcome is sealed, and an erasure empties this",
        "error": "what the target answered; the outcome is sealed, and an erasure empties this",
    },
)
