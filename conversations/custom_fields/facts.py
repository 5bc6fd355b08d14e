"""What conditions of rules can use of custom fields: those that aren't personal, such as `field_tier`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Final
from uuid import UUID

from django.db.models import Q, Subquery

from conversations.custom_fields.values import YES_OR_NO
from conversations.models import Conversation, CustomField, CustomValue
from core.expressions import FIELD, Vocabulary

Kind = CustomField.Kind
Value = str | Decimal | None
MOST_OF_A_TEXT: Final = 80
"""The longest text that a condition can name."""


def fact_name(field: CustomField) -> str:
    """Return what conditions of rules call a field."""
    return f"{FIELD}{field.key}"


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """Custom fields as conditions can use them."""

    fields: Sequence[CustomField] = ()

    @property
    def numbers(self) -> frozenset[str]:
        """Return the facts that are numbers; where there is no value they are None."""
        return frozenset(fact_name(one) for one in self.fields if one.kind == Kind.NUMBER)

    def added_to(self, vocabulary: Vocabulary) -> Vocabulary:
        """Return a vocabulary with these facts."""
        texts = {fact_name(one) for one in self.fields} - self.numbers
        return replace(vocabulary, numbers=vocabulary.numbers | self.numbers, texts=vocabulary.texts | texts)

    @property
    def choices(self) -> Mapping[str, Callable[[], Collection[str]]]:
        """Return what reads the values that lists and checkboxes can have."""
        options: dict[CustomField, Collection[str]] = {one: one.options for one in self.fields if one.kind == Kind.LIST}
        options |= {one: list(YES_OR_NO.values()) for one in self.fields if one.kind == Kind.CHECKBOX}
        return {fact_name(one): partial(set, ["", *said]) for one, said in options.items()}

    def of(self, contacts: Mapping[UUID, UUID]) -> Mapping[UUID, Mapping[str, Value]]:
        """Return the values of conversations and their contacts, by what conditions call them.

        `contacts` has the contact of each conversation, by its id. A number that isn't there is None, and any other
        value "". One query, none without fields.
        """
        rows = CustomValue.objects.filter(field__in=self.fields) if self.fields else CustomValue.objects.none()
        whose = Q(conversation__in=list(contacts)) | Q(contact__in=set(contacts.values()))
        places = ("field_id", "conversation_id", "contact_id", "text")
        known = {(field_id, talk_id or contact_id): text for field_id, talk_id, contact_id, text in
                 rows.filter(whose).values_list(*places)}  # fmt: skip
        found: dict[UUID, dict[str, Value]] = {key: {} for key in contacts}
        for key, contact_id in contacts.items():
            for field in self.fields:
                of = key if field.subject == CustomField.Subject.CONVERSATION else contact_id
                text = known.get((field.pk, of), "")
                found[key][fact_name(field)] = (Decimal(text) if text else None) if field.kind == Kind.NUMBER else text
        return found


def fields_in_rules() -> FieldFacts:
    """Return the fields that conditions of rules can use. One query."""
    return FieldFacts(tuple(CustomField.objects.filter(is_personal=False).order_by("key")))


def kinds_in_rules() -> Mapping[str, bool]:
    """Return of each field that conditions can use whether it is a number, by the name of its fact. One query."""
    return {fact_name(one): one.kind == Kind.NUMBER for one in fields_in_rules().fields}


def facts_for_requests(conversation_id: UUID) -> Mapping[str, str | Decimal]:
    """Return what workflows can use of a conversation and its contact; what has no value isn't in it. One query.

    Personal fields never are, nor are texts that no condition can name.
    """
    # As a single value: with `in`, all values of the organisation would be read.
    contact = Subquery(Conversation.objects.filter(pk=conversation_id).values("contact_id"))
    whose = Q(conversation=conversation_id) | Q(contact=contact)
    rows = CustomValue.objects.filter(whose, field__is_personal=False).select_related("field").order_by("field__key")
    return {
        fact_name(row.field): Decimal(row.text) if row.field.kind == Kind.NUMBER else row.text
        for row in rows
        if 0 < len(row.text) <= MOST_OF_A_TEXT
    }
