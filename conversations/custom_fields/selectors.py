"""Read custom fields and their values."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from conversations.models import ContactMerge, Conversation, CustomField, CustomValue
from core.actors import Actor
from core.privacy.encryption import blind_index

VIEW: Final = "conversations.view_conversation"
COLUMN: Final = "conversations_customvalue.value"
"""The column that the digests of values are bound to."""


def query_fields(*, viewer: Actor) -> QuerySet[CustomField]:
    """Return the organisation's custom fields. Needs `conversations.view_conversation`."""
    viewer.require(VIEW)
    return CustomField.objects.all()


def fields_of(subject: str) -> QuerySet[CustomField]:
    """Return the custom fields of contacts, or of conversations, by name; for who may see what has them."""
    return CustomField.objects.filter(subject=subject).order_by("name", "id")


def values_of(whose: Q) -> Sequence[CustomValue]:
    """Return values with their fields, by name; for who may see what has them. One query."""
    return list(CustomValue.objects.filter(whose).select_related("field").order_by("field__name", "pk"))


def values_on(conversation: Conversation) -> Sequence[CustomValue]:
    """Return the values of a conversation and of its contact; read once for each page."""
    found: Sequence[CustomValue] | None = getattr(conversation, "known_values", None)
    if found is None:
        found = values_of(Q(conversation=conversation) | Q(contact=conversation.contact_id))
        conversation.known_values = found  # type: ignore[attr-defined]
    return found


def is_found_by_value(field: CustomField) -> bool:
    """Return False for personal fields whose values somebody could find out by trying all that there are."""
    return not field.is_personal or field.kind in (CustomField.Kind.TEXT, CustomField.Kind.LINK)


def index_of(field: CustomField, text: str) -> str:
    """Return the keyed digest of a value, by which equal ones are found; capitals or small letters are the same.

    It is "" for a field whose values aren't looked for.
    """
    return blind_index(f"{field.pk}|{text.casefold()}", column=COLUMN) if is_found_by_value(field) else ""


def told_without_a_look(*, conversation_id: UUID, record_id: UUID | None) -> Q:
    """Return the condition of values that a program may tell a customer although no person looks at what it says.

    They are the conversation's and, with its id, those of the contact whose addresses it has. A contact that others
    were merged into has some of theirs, and a merge proves nothing: its values are left out.
    """
    whose = Q(conversation=conversation_id)
    if record_id is None:
        return whose
    merges = ContactMerge.objects.filter(contact=OuterRef("contact"), undone_at=None)
    return whose | Q(~Exists(merges), contact=record_id)


def values_for_agents(*, conversation_id: UUID, record_id: UUID | None) -> Sequence[tuple[str, str]]:
    """Return names and values of the fields that agents may read, personal ones masked; for the system. One query."""
    whose = told_without_a_look(conversation_id=conversation_id, record_id=record_id)
    rows = CustomValue.objects.filter(whose, field__agents_read=True).order_by("field__name", "pk")
    return list(rows.values_list("field__name", "text"))


def missing_on_close(conversation: Conversation) -> Sequence[CustomField]:
    """Return the fields that a conversation can't be closed without and that have no value yet. One query."""
    whose = Q(conversation=conversation) | Q(contact=conversation.contact_id)
    known = CustomValue.objects.filter(whose).values("field_id")
    wanted: QuerySet[Any] = CustomField.objects.filter(required_on_close=True)
    return list(wanted.exclude(pk__in=known).order_by("name", "id"))
