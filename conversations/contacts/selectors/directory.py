"""Read contacts, masked or revealed, and channel accounts."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse

from accounts.members.shares import SHAREABLES, Shareable
from accounts.permissions import shares
from accounts.privacy.reveals import require_grant
from conversations.contacts.models import visitor_label
from conversations.contacts.selectors.points import point_matches
from conversations.custom_fields.values import with_values
from conversations.models import ChannelAccount, Contact, ContactPoint, CustomField
from core.actors import Actor
from core.db.rows import get_or_missing

VIEW_CONTACT = "conversations.view_contact"
VIEW_ACCOUNT = "channels_app.view_channelaccount"
CONTACT = "conversations.contact"


@dataclass(frozen=True, slots=True)
class ContactFilters:
    """Filters of contacts. `q`: an address, or the masked name as shown. `tag`: an audience.

    `values` are those of custom fields, by their keys.
    """

    q: str = ""
    tag: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


def seen_by(viewer: Actor) -> Q:
    """Return the condition for the contacts that a viewer sees: all by their role, else those shared with them.

    Raises `Refused` for who sees none.
    """
    shares.require(viewer, shares.CONTACT, VIEW_CONTACT)
    return shares.within(viewer, shares.CONTACT, VIEW_CONTACT)


def query_contacts(*, viewer: Actor, filters: ContactFilters | None = None) -> QuerySet[Contact]:
    """Return contacts with points and tags, masked, in three queries.

    Those that were merged into others are left out. Needs `conversations.view_contact`; raises `Invalid` for values
    that don't fit.
    """
    wanted = filters or ContactFilters()
    rows = _contacts().filter(seen_by(viewer), merged_into=None)
    words = wanted.q.strip()
    if words:
        owners = ContactPoint.objects.filter(point_matches(words)).values("contact_id")
        rows = rows.filter(pk__in=owners) | rows.filter(masked_name__iexact=words)
    if wanted.tag:
        rows = rows.filter(tags__name=wanted.tag)
    return rows.filter(with_values(CustomField.Subject.CONTACT, wanted.values))


def read_contact(*, viewer: Actor, contact_id: UUID, clear: bool = False) -> Contact:
    """Return a contact with points and tags.

    `clear` needs an open reveal of its field `contact`.
    Needs `conversations.view_contact`; raises `NotFound`, and `Refused` ("no_grant").
    """
    rows = _contacts(clear=clear).filter(seen_by(viewer), pk=contact_id)
    found: Contact = get_or_missing(rows, "There is no such contact.")
    if clear:
        require_grant(actor=viewer, object_type=CONTACT, object_id=contact_id, field="contact")
    return found


def _contacts(*, clear: bool = False) -> QuerySet[Contact]:
    rows: QuerySet[Contact] = Contact.objects.prefetch_related("points", "tags")
    return rows if clear else rows.defer("display_name")


def points_in_order(points: Iterable[ContactPoint]) -> list[ContactPoint]:
    """Return the points, the primary ones first."""
    return sorted(points, key=lambda point: (not point.is_primary, point.kind, point.pk))


def describe_contact(contact: Contact) -> str:
    """Return the name and the addresses of a contact, masked, on one line."""
    points = points_in_order(contact.points.all())
    places = ", ".join(f"{point.get_kind_display()} {point.masked_value}" for point in points)
    return f"{contact.shown_name}: {places or 'no address'}"


def query_channel_accounts(*, viewer: Actor) -> QuerySet[ChannelAccount]:
    """Return channel accounts without their credentials. Needs `channels_app.view_channelaccount`."""
    viewer.require(VIEW_ACCOUNT)
    return ChannelAccount.objects.defer("credentials")


def get_channel_account(*, viewer: Actor, account_id: UUID) -> ChannelAccount:
    """Return one channel account without its credentials; raises `NotFound`.

    Needs the right to view them.
    """
    viewer.require(VIEW_ACCOUNT)
    rows = ChannelAccount.objects.defer("credentials").filter(pk=account_id)
    found: ChannelAccount = get_or_missing(rows, "There is no such channel account.")
    return found


class ShareableContact(Shareable):
    """A contact with its addresses, masked; its conversations are shared one by one."""

    acts: ClassVar[str] = "change name, language and fields"

    @classmethod
    def held(cls, viewer: Actor) -> QuerySet[Contact]:
        """Return all contacts that are whole."""
        seen = shares.within(viewer, shares.CONTACT, VIEW_CONTACT)
        return Contact.objects.filter(seen, erased_at=None, merged_into=None)

    @classmethod
    def titles(cls, viewer: Actor, ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the masked names."""
        rows = Contact.objects.filter(seen_by(viewer), pk__in=ids, erased_at=None, merged_into=None)
        return {pk: name or visitor_label(pk) for pk, name in rows.values_list("pk", "masked_name")}

    @classmethod
    def page(cls, object_id: UUID) -> str:
        """Return the path of the contact."""
        return reverse("admin:conversations_contact_change", args=[object_id])


SHAREABLES.register(shares.CONTACT, ShareableContact)
