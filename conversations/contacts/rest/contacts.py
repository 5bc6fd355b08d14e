"""Endpoints of contacts: create, read, search, change and erase."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django_filters import CharFilter
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.mixins import RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts.permissions import shares
from conversations.contacts import blocks, contacts, erasure, known_people
from conversations.contacts.rest.serializers import (
    ContactDetailSerializer,
    ContactSerializer,
    SearchingContacts,
    Speaking,
)
from conversations.contacts.selectors import directory
from conversations.custom_fields.rest import CustomValues
from conversations.custom_fields.values import named_value, with_values
from conversations.models import Contact, CustomField
from core.rest.erasures import ErasureRequest, ErasureSerializer
from core.rest.fields import CLEAR
from core.rest.filters import AfterFilter, ApiFilterSet, BeforeFilter, OrderFilter
from core.rest.idempotency import idempotent
from core.rest.pagination import BY_CREATION, SortedPagination
from core.rest.views import ListViewSet

VIEW = "conversations.view_contact"
REPLY = "conversations.reply_conversation"


class NewContact(serializers.Serializer[Any]):
    """A contact with at least one address."""

    name = serializers.CharField(default="", allow_blank=True, max_length=120)
    language = serializers.CharField(default="", allow_blank=True, max_length=16, help_text="Such as en or pt_BR.")
    phone = serializers.CharField(default="", allow_blank=True, max_length=40, help_text="With its country: +34….")
    email = serializers.CharField(default="", allow_blank=True, max_length=254)


class ContactChange(serializers.Serializer[Any]):
    """What changes of a contact; what is left out stays."""

    name = serializers.CharField(required=False, max_length=120)
    language = serializers.CharField(required=False, allow_blank=True, max_length=16)


class ContactFilters(ApiFilterSet):
    """The filters of contacts."""

    tag = CharFilter(field_name="tags__name", max_length=60)
    custom_field = CharFilter(
        method="with_value", max_length=600, help_text="Key and value of a custom field: `tier:Gold`."
    )
    created_after = AfterFilter("created_at")
    created_before = BeforeFilter("created_at")
    ordering = OrderFilter(*BY_CREATION)

    def with_value(self, rows: QuerySet[Contact], name: str, value: str) -> QuerySet[Contact]:
        """Return the contacts with a value of a custom field."""
        return rows.filter(with_values(CustomField.Subject.CONTACT, named_value(value), in_address=True))


class ContactPagination(SortedPagination):
    """Pages of contacts, newest first or in the order that is asked for."""

    orders = BY_CREATION
    dated: ClassVar = {"created": "created_at"}


class ContactViewSet(RetrieveModelMixin, ListViewSet):
    """Contacts."""

    descriptions: ClassVar = {
        "list": "List contacts, masked, newest first.",
        "retrieve": "Read a contact, masked; with `show_pii=true` in clear, under an open reveal, else 403 `no_grant`. "
        "The look is written to the audit.",
    }
    permissions: ClassVar = {
        **dict.fromkeys(("list", "retrieve", "search"), VIEW),
        **dict.fromkeys(("create", "partial_update", "language", "custom_fields"), REPLY),
        **dict.fromkeys(("block", "unblock"), blocks.RECORD),
        "erase": erasure.ERASE,
    }
    share_kind = shares.CONTACT
    serializer_class = ContactSerializer
    request_serializers: ClassVar = {"create": NewContact, "partial_update": ContactChange}
    filterset_class = ContactFilters
    pagination_class = ContactPagination
    lookup_url_kwarg = "contact_id"
    revealing_actions = frozenset({"retrieve"})
    list_rows = staticmethod(directory.query_contacts)

    @action(
        detail=True,
        methods=["post"],
        request_serializer=ErasureRequest,
        serializer_class=ErasureSerializer,
        success_status=202,
    )
    @idempotent
    def erase(self, request: Request, **kwargs: Any) -> Response:
        """Erase the person behind a contact; a repeat returns the same erasure. It cannot be undone.

        Needs `conversations.erase_contact` and a second factor: 403 `weak_sign_in` without it, so for every API
        key. 409 `in_the_way` names the requests that are being executed.
        """
        return self.call_service(erasure.erase_contact)

    def get_serializer_context(self) -> dict[str, Any]:
        """Return the context, with whether personal data is shown in clear."""
        return {**super().get_serializer_context(), CLEAR: self.query["show_pii"]}

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        """Return the serializer: one contact shows what it opted out of too."""
        ones = ("create", "retrieve", "partial_update", "block", "unblock", "language", "custom_fields")
        return ContactDetailSerializer if self.action in ones else super().get_serializer_class()

    def get_object(self) -> Contact:
        contact = directory.read_contact(viewer=self.actor, **self.kwargs, clear=self.query["show_pii"])
        contacts.record_view(actor=self.actor, contact=contact)
        return contact

    @idempotent
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Create a contact with a phone number or an email address. Nothing is sent, and it is no consent. 409
        `known_address` with the `contact_id` of the contact that has an address already."""
        contact = known_people.create_contact(actor=self.actor, **self.read_body())
        return self._respond_with(contact.pk)

    @idempotent
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change a contact's name or language. 409 `erased`."""
        known_people.revise_contact(actor=self.actor, **self.kwargs, **self.read_body())
        return self._respond_with(self.kwargs["contact_id"])

    @action(detail=False, methods=["post"], many=True, filterset_class=None, request_serializer=SearchingContacts)
    @idempotent
    def search(self, request: Request) -> Response:
        """Search contacts by a whole address, the masked name or values of custom fields, newest first.

        It changes nothing: an address does not belong into a web address. `next` is asked with the same body.
        """
        wanted = directory.ContactFilters(**self.read_body())
        page = self.paginate_queryset(directory.query_contacts(viewer=self.actor, filters=wanted))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @action(detail=True, methods=["post"])
    @idempotent
    def block(self, request: Request, **kwargs: Any) -> Response:
        """Block a contact: nobody, no agent and no campaign writes to them on any channel.

        Their own messages are still stored. Safe to repeat.
        """
        blocks.block_contact(actor=self.actor, **self.kwargs)
        return self._respond_with(self.kwargs["contact_id"])

    @action(detail=True, methods=["post"])
    @idempotent
    def unblock(self, request: Request, **kwargs: Any) -> Response:
        """Lift a colleague's block; what the person opted out of stays so."""
        blocks.unblock_contact(actor=self.actor, **self.kwargs)
        return self._respond_with(self.kwargs["contact_id"])

    @action(detail=True, methods=["post"], request_serializer=Speaking)
    @idempotent
    def language(self, request: Request, **kwargs: Any) -> Response:
        """Set the language of a contact, by which templates are chosen."""
        known_people.revise_contact(actor=self.actor, **self.kwargs, **self.read_body())
        return self._respond_with(self.kwargs["contact_id"])

    @action(detail=True, methods=["post"], url_path="custom-fields", request_serializer=CustomValues)
    @idempotent
    def custom_fields(self, request: Request, **kwargs: Any) -> Response:
        """Set values of a contact's custom fields. 400 with the keys that are wrong, 409 `erased`, `merged`."""
        known_people.set_contact_fields(actor=self.actor, **self.kwargs, **self.read_body())
        return self._respond_with(self.kwargs["contact_id"])

    def _respond_with(self, contact_id: UUID) -> Response:
        return self.respond(directory.read_contact(viewer=self.actor, contact_id=contact_id))
