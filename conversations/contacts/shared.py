"""Contacts that are shared with a role, a team or a person who may not view all."""

from collections.abc import Collection
from typing import ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from accounts.members.shares import SHAREABLES, Shareable
from accounts.permissions.shares import CONTACT, within
from conversations.contacts.models import Contact, visitor_label
from conversations.contacts.selectors.directory import VIEW_CONTACT, seen_by
from core.actors import Actor


class ShareableContact(Shareable):
    """A contact with its addresses, masked; its conversations are shared one by one."""

    acts: ClassVar[str] = "change name, language and fields"

    @classmethod
    def held(cls, viewer: Actor) -> QuerySet[Contact]:
        """Return all contacts that are whole."""
        return Contact.objects.filter(within(viewer, CONTACT, VIEW_CONTACT), erased_at=None, merged_into=None)

    @classmethod
    def titles(cls, viewer: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the masked names."""
        rows = Contact.objects.filter(seen_by(viewer), pk__in=ids, erased_at=None, merged_into=None)
        return {pk: name or visitor_label(pk) for pk, name in rows.values_list("pk", "masked_name")}

    @classmethod
    def page(cls, object_id: UUID) -> str:
        """Return the path of the contact."""
        return reverse("admin:conversations_contact_change", args=[object_id])


SHAREABLES.register(CONTACT, ShareableContact)
