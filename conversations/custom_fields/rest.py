"""Endpoints of custom fields, and how values are read and written."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from rest_framework import serializers
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.custom_fields.definitions import (
    MANAGE,
    MOST_OPTIONS,
    FieldSettings,
    create_custom_field,
    delete_custom_field,
    revise_custom_field,
)
from conversations.custom_fields.patterns import LONGEST
from conversations.custom_fields.selectors import VIEW, query_fields
from conversations.models import CustomField, CustomValue
from core.rest.fields import Document, RowSerializer, SeenVersion
from core.rest.idempotency import idempotent
from core.rest.views import ListViewSet

PLAIN: Final = ("name", "options", "pattern", "hint", "required_on_close", "agents_read")


class CustomFieldSerializer(RowSerializer[CustomField]):
    """A custom field of contacts or conversations."""

    class Meta:
        model = CustomField
        fields: ClassVar[list[str]] = ["id", "subject", "key", "kind", "is_personal", *PLAIN, "version", "created_at"]


class CustomFieldBody(serializers.Serializer[Any]):
    """What can be changed of a custom field."""

    name = serializers.CharField(max_length=60, help_text="No personal data: everybody sees it.")
    options = serializers.ListField(
        child=serializers.CharField(max_length=80),
        default=list,
        max_length=MOST_OPTIONS,
        help_text="The values of a list.",
    )
    pattern = serializers.CharField(
        max_length=LONGEST, default="", allow_blank=True, trim_whitespace=False, help_text="The form of a text."
    )
    hint = serializers.CharField(
        max_length=200, default="", allow_blank=True, help_text="Says what a value looks like, also where one is wrong."
    )
    required_on_close = serializers.BooleanField(default=False)
    agents_read = serializers.BooleanField(
        default=False, help_text="Agents are given its value, masked if it is personal, and may tell the customer."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        settings = FieldSettings(**{name: attrs.pop(name) for name in PLAIN})
        return {**attrs, "settings": settings}


class CustomFieldRequest(CustomFieldBody):
    """A custom field."""

    subject = serializers.ChoiceField(choices=CustomField.Subject.choices)
    key = serializers.CharField(max_length=30, help_text="Its name for programs, such as `order_number`; it stays.")
    kind = serializers.ChoiceField(choices=CustomField.Kind.choices, help_text="It stays.")
    is_personal = serializers.BooleanField(default=False, help_text="Values are masked. It stays.")


class CustomFieldChange(CustomFieldBody, SeenVersion):
    """The whole custom field after the change."""


class CustomValues(serializers.Serializer[Any]):
    """Values of custom fields by their keys; fields that aren't named stay."""

    values = Document(help_text="A text, a number or a boolean for each key; null or an empty text removes the value.")


def values_by_key(rows: Iterable[CustomValue], *, in_clear: bool) -> dict[str, Any]:
    """Return values by the keys of their fields: personal ones masked, or in clear; checkboxes as booleans."""
    shown: dict[str, Any] = {}
    for row in rows:
        is_hidden = row.field.is_personal and not in_clear
        text = row.shown(in_clear=in_clear)
        shown[row.field.key] = text == "yes" if row.field.kind == CustomField.Kind.CHECKBOX and not is_hidden else text
    return shown


class CustomFieldViewSet(RetrieveModelMixin, ListViewSet):
    """Custom fields."""

    descriptions: ClassVar = {
        "list": "List the custom fields of contacts and conversations.",
        "retrieve": "Read a custom field.",
    }
    permissions: ClassVar = {
        **dict.fromkeys(("list", "retrieve"), VIEW),
        **dict.fromkeys(("create", "update", "destroy"), MANAGE),
    }
    serializer_class = CustomFieldSerializer
    request_serializers: ClassVar = {"create": CustomFieldRequest, "update": CustomFieldChange}
    lookup_url_kwarg = "field_id"
    list_rows = staticmethod(query_fields)

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Create a custom field. 409 `exists`."""
        return self.call_service(create_custom_field)

    def update(self, request: Request, **kwargs: Any) -> Response:
        """Change a custom field; values that are there stay. 409 `exists`, `stale_version`, and `in_use` for an
        option that is chosen somewhere."""
        return self.call_service(revise_custom_field)

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a custom field with all of its values. 409 `stale_version`, `in_use` by a rule or a workflow."""
        return self.call_service(delete_custom_field)
