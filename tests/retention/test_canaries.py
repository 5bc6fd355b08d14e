"""A word in every column that a kind of retention is about is gone once all is old, or there is a reason to keep it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import DatabaseError, models, transaction

from accounts.models import Notice
from channels_app.models import InboundDelivery
from conversations.models import Contact, Conversation, Message, Note
from core import notices
from core.actors import system
from core.clock import at, now
from core.models import Erasure
from core.privacy.encrypted_fields import EncryptedJSONField, EncryptedTextField
from core.privacy.erasure.registry import tables
from core.privacy.retention import services
from core.privacy.retention.registry import rules
from core.tenancy.scope import tenant_scope
from hitl.approvals.change.close import cancel
from hitl.approvals.models.approval import IS_OPEN
from hitl.models import Approval
from integrations.models import MailDelivery
from tests.database.sealing import rewrite
from tests.erasure.scene import OTHER_WORDS, WORDS, Traces, finish
from tests.erasure.searching import found
from tests.retention.conftest import OLD, Choose

pytestmark = pytest.mark.slow
CANARY: Final = "zymurgy"
ALL: Final = (CANARY, *WORDS, *OTHER_WORDS)
STAYS: Final = {
    "core.StreamEvent.payload": "Of lists: the installation removes events after some weeks.",
    "integrations.MailDelivery.masked_address": "So that nobody is mailed twice; the row goes later.",
}
AS_THEY_ARE: Final = ("conversations.Contact", "conversations.ContactPoint", "hitl.Approval")
"""They hold the words of the scene: an erasure looks for what stands there, and final requests take no others."""
KEYS: Final = ("_index", "digest", "_key", "fingerprint")
"""How the names of columns end that hold no words, and by which rows are found."""


def covered() -> dict[str, set[str]]:
    """Return the columns that erasure names of the tables that a rule is about, by the table's label."""
    about = {label for _, rule in rules() for label in rule.tables.split()}
    named = {table.model: set(table.erased.split()) for table in tables() if table.model in about}
    return {label: names for label, names in named.items() if names}


def worth(field: Any) -> Any:
    """Return a value of a column with the canary in it, None for one that holds no words."""
    if field.choices or field.is_relation:
        return None
    if isinstance(field, models.JSONField | EncryptedJSONField):
        return {"deep": [CANARY]}
    if isinstance(field, ArrayField):
        return [CANARY]
    return CANARY if isinstance(field, models.CharField | models.TextField | EncryptedTextField) else None


def place_canaries() -> None:
    """Write the canary into each column of all rows that are there, where the table's own rules take it."""
    for label, names in covered().items():
        rows = apps.get_model(label)._default_manager.all()
        for name in sorted(names) if label not in AS_THEY_ARE else ():
            value = worth(rows.model._meta.get_field(name))
            if value is None or name.endswith(KEYS):
                continue
            try:
                with transaction.atomic():
                    rows.update(**{name: value})
            except DatabaseError:
                continue  # the words of the scene stand there


def make_all_old() -> None:
    """Let everything be closed, final or processed, and nothing have happened for longer than a year."""
    then = now() - OLD
    Message.objects.filter(direction="out").update(status="sent", next_attempt_at=None)
    Note.objects.update(created_at=then)
    Conversation.objects.update(state="closed", resolved=True, closed_at=then, last_message_at=then, assigned_to=None)
    Contact.objects.update(created_at=then)
    for request in Approval.objects.filter(IS_OPEN):
        cancel(actor=system("test"), approval_id=request.pk)
    with transaction.atomic():
        rewrite(Approval.objects.all(), moved_at=then)
    MailDelivery.objects.update(status="sent", due_at=None)
    InboundDelivery.objects.update(state="done", done_at=then)
    Notice.objects.update(seen_at=then)


def test_word_in_each_column_of_a_kind_is_gone_once_all_is_old_or_says_why_it_stays(
    traces: Traces, choose: Choose
) -> None:
    acme = traces.world.acme.pk
    columns = {f"{label}.{name}" for label, names in covered().items() for name in names}
    assert set(STAYS) <= columns
    with tenant_scope(acme):
        person = traces.world.people["viewer"].pk
        notices.leave(people=[person], kind="approval", title=f"{CANARY} needs you", link="/admin/")
        make_all_old()
        place_canaries()
        planted = found(acme, ALL) & columns
        assert len(planted) > 25, sorted(planted)
        choose(traces.officer(), **{key: rule.least for key, rule in rules()})
        # Twice: the erasures of idle contacts come between, and emails and notices are as old as their ids.
        assert services.apply_all(seconds=120) is False
        for erasure in Erasure.objects.filter(reason="not_needed"):
            finish(erasure.pk)
        with at(now() + timedelta(days=1000)):
            assert services.apply_all(seconds=120) is False
        left = found(acme, ALL) & planted
    assert left - set(STAYS) == set()
