"""Endpoints of contacts: read, search and erase."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from conversations import selectors, services
from conversations.models import Contact
from conversations.rest import serializers as shapes
from core.actors import Actor
from core.models import Erasure
from core.rest.authentication import actor_of
from core.rest.erasures import ErasureRequest, ErasureSerializer
from core.rest.fields import CLEAR
from core.rest.idempotent import once
from core.rest.operations import does, lists
from core.rest.pagination import page_of
from core.rest.schema import paged
from core.rest.views import ApiView, ListQuery, Query, body_of

VIEW = "conversations.view_contact"


class Contacts(ApiView):
    """Contacts."""

    permissions: ClassVar = {"GET": VIEW}

    @lists("contacts_list", shapes.ContactSerializer, query=shapes.ContactQuery)
    def get(self, viewer: Actor) -> QuerySet[Contact]:
        """List contacts, masked, newest first. Needs `conversations.view_contact`."""
        filters = selectors.ContactFilters(tag=self.asked["tag"])
        return selectors.query_contacts(viewer=viewer, filters=filters)


class ContactSearch(ApiView):
    """Contacts, found by an address or a masked name."""

    permissions: ClassVar = {"POST": VIEW}
    query = ListQuery

    @extend_schema(
        operation_id="contacts_search",
        parameters=[ListQuery],
        request=shapes.SearchingContacts,
        responses=paged(shapes.ContactSerializer),
    )
    @once
    def post(self, request: Request) -> Response:
        """Search contacts by a whole address or the masked name, newest first.

        It changes nothing: an address does not belong into a web address. `next` is asked with the same body.
        Needs `conversations.view_contact`.
        """
        wanted = selectors.ContactFilters(**body_of(request, shapes.SearchingContacts))
        rows = selectors.query_contacts(viewer=actor_of(request), filters=wanted)
        found = page_of(rows, cursor=self.asked["cursor"], limit=self.asked["limit"])
        return self.page(found.rows, found.cursor, shapes.ContactSerializer)


class ContactPage(ApiView):
    """One contact."""

    permissions: ClassVar = {"GET": VIEW}
    can_reveal = True

    @extend_schema(operation_id="contacts_retrieve", parameters=[Query], responses=shapes.ContactSerializer)
    def get(self, request: Request, contact_id: UUID) -> Response:
        """Read a contact, masked; with `show_pii=true` in clear, under an open reveal, else 403 `no_grant`."""
        clear = self.asked["show_pii"]
        found = selectors.read_contact(viewer=actor_of(request), contact_id=contact_id, clear=clear)
        return Response(shapes.ContactSerializer(found, context={CLEAR: clear}).data)


class EraseContact(ApiView):
    """Erases a contact for good."""

    permissions: ClassVar = {"POST": "conversations.erase_contact"}

    @does("contacts_erase", ErasureRequest, ErasureSerializer, status=202)
    def post(self, actor: Actor, contact_id: UUID, reason: str) -> Erasure:
        """Erase the person behind a contact; a repeat returns the same erasure. It cannot be undone.

        Needs `conversations.erase_contact` and a second factor: 403 `weak_sign_in` without it, so for
        every API key. 409 `in_the_way` names the requests that are being carried out.
        """
        return services.erase_contact(actor=actor, contact_id=contact_id, reason=reason)
