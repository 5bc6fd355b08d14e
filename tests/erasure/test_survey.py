"""Every column that may hold something of a person is erased or kept, and exported or not, for a reason on a page."""

from collections import Counter
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

from core.privacy.erasure.registry import ErasureHandler, handlers, readings, steps, tables
from core.privacy.erasure.survey import lines, reading_lines, unread
from core.tenancy import rls

PAGES = Path(__file__).resolve().parents[2] / "docs" / "reference"
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
    "core.ConsentWording": "created_by",
    "core.DeadLetter": "ref closed_by",
    "core.Erasure": "subject_id asked_by",
    "core.LegalHold": "subject_id placed_by lifted_by",
    "core.Outbox": "ref",
    "core.RetentionChoice": "changed_by",
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


def test_no_handler_is_without_a_reading_side() -> None:
    assert not hasattr(ErasureHandler, "readings")
    assert [handler.__name__ for handler in handlers() if not hasattr(handler, "readings")] == []
    assert [handler.__name__ for handler in handlers() if handler.readings and not handler.purpose] == []


def test_every_erased_column_is_shown_to_the_person_or_says_why_not() -> None:
    assert unread() == []
    assert [reading.model for reading in readings() if reading.rows and not (reading.title and reading.kept)] == []
    assert [reading.model for reading in readings() if "" in reading.unread.values()] == []


def test_readings_name_columns_that_exist_once() -> None:
    wrong = []
    for reading in readings():
        names = " ".join((reading.shown, reading.masked, *reading.unread)).split()
        fields = apps.get_model(reading.model)._meta
        known = {attribute for field in fields.concrete_fields for attribute in (field.name, field.attname)}
        wrong += [f"{reading.model}.{name}" for name in names if name.partition(".")[0] not in known]
        wrong += [f"{reading.model}.{name} twice" for name, times in Counter(names).items() if times > 1]
    assert wrong == []


def test_a_column_that_no_reading_names_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    (accounts,) = [handler for handler in handlers() if handler.__name__ == "AccountsErasure"]
    monkeypatch.setattr(accounts, "readings", tuple(each for each in readings() if each.model != "accounts.ApiKey"))
    assert unread() == ["accounts.ApiKey.name"]


def test_page_lists_what_the_code_does() -> None:
    page = (PAGES / "erasure.md").read_text()
    assert [line for line in lines() if line not in page] == []
    assert sum(line.startswith("| `") for line in page.splitlines()) == len(lines())


def test_page_of_exports_lists_what_the_code_reads() -> None:
    page = (PAGES / "person-exports.md").read_text().partition("## Every table")[2].splitlines()
    assert page[-len(reading_lines()) :] == reading_lines()
    assert sum(line.startswith("| `") for line in page) == len(reading_lines())
