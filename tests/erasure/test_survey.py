"""Every column that may hold something of a person is named by a handler, and the page about it says the same."""

from collections import Counter
from pathlib import Path

import pytest
from django.db import models

from core.privacy.erasure.registry import handlers, steps, tables
from core.privacy.erasure.survey import lines
from core.tenancy import rls

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "erasure.md"
# What holds nothing of a person: numbers, flags and the moments of events. Every other type has to be named.
NOTHING = (
    "AutoField BigAutoField BooleanField SmallIntegerField IntegerField BigIntegerField PositiveSmallIntegerField "
    "PositiveIntegerField PositiveBigIntegerField DecimalField FloatField DurationField DateTimeField"
).split()
# Ids of rows that are no foreign keys: they lead to nobody once what they name is emptied.
IDS = {
    "accounts.RevealGrant": "object_id",
    "agents.AgentRun": "trigger_ref reply_id",
    "agents.ModelCall": "trial_id",
    "agents.ToolCall": "approval_id",
    "analytics.Brief": "delivery_id",
    "channels_app.InboundDelivery": "target",
    "conversations.Conversation": "escalated_by_id",
    "conversations.Message": "sender_id sender_user_id",
    "conversations.SuggestedReply": "run_id reply_id",
    "core.AuditEntry": "actor_id actor_user_id object_id",
    "core.Consent": "recorded_by",
    "core.DeadLetter": "ref closed_by",
    "core.Erasure": "subject_id asked_by",
    "core.Outbox": "ref",
    "hitl.Approval": "agent_id conversation_id run_id tool_call_id",
    "integrations.MailDelivery": "ref user_id",
    "hitl.EvidencePart": "last_approval",
}
# Tables that hold no organisation's rows: the schedule, names of our own models and rights.
NOBODYS = ("django_celery_beat.", "contenttypes.", "auth.")


def may_hold_something(field: models.Field[object, object]) -> bool:
    if field.is_relation or field.choices or field.name == "tenant_id":
        return False
    is_own_id = field.primary_key and field.get_internal_type() == "UUIDField"
    return not is_own_id and field.get_internal_type() not in NOTHING


def columns() -> set[str]:
    """Return every column of every table that may hold a person's data."""
    return {
        f"{model._meta.label}.{field.name}"
        for model in rls.all_models()
        if not model._meta.label.startswith(NOBODYS)
        for field in model._meta.local_fields
        if may_hold_something(field) and field.name not in IDS.get(model._meta.label, "").split()
    }


def named() -> list[str]:
    return [f"{table.model}.{name}" for table in tables() for name in f"{table.erased} {table.kept}".split()]


@pytest.mark.parametrize("kind", [models.GenericIPAddressField, models.DateField, models.UUIDField, models.URLField])
def test_column_of_another_type_is_not_overlooked(kind: type[models.Field[object, object]]) -> None:
    assert may_hold_something(kind(name="born"))


def test_every_column_that_may_hold_something_is_named_by_a_handler_once() -> None:
    assert set(named()) == columns()
    assert [name for name, times in Counter(named()).items() if times > 1] == []


def test_what_is_kept_says_why() -> None:
    assert [table.model for table in tables() if table.kept and not table.why] == []


def test_steps_and_orders_are_each_one() -> None:
    assert len({step.key for step in steps()}) == len(steps())
    assert len({handler.order for handler in handlers()}) == len(handlers())


def test_page_lists_what_the_code_does() -> None:
    page = PAGE.read_text()
    assert [line for line in lines() if line not in page] == []
    assert sum(line.startswith("| `") for line in page.splitlines()) == len(lines())
