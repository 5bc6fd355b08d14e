"""Contacts, their addresses and their tags."""

from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import models

from core.privacy.encrypted_fields import EncryptedTextField
from core.tenancy.models import Dated, TenantModel

_COLOURS: Final = (
    "Amber Apricot Aqua Ash Azure Beige Blue Bronze Brown Carmine Cedar Cherry Cobalt Copper Coral Cream Crimson Cyan "
    "Denim Ebony Fawn Fern Ginger Gold Green Grey Hazel Honey Indigo Ivory Jade Khaki Lavender Lemon Lilac Lime Linen "
    "Mauve Mint Moss Mustard Navy Ochre Olive Orange Peach Pearl Pine Pink Plum Purple Red Rose Ruby Rust Sand "
    "Scarlet Silver Sky Slate Teal Umber Violet White"
).split()
_ANIMALS: Final = (
    "Badger Bat Bear Beaver Bison Camel Cat Crane Crow Deer Dolphin Dove Duck Eagle Elk Falcon Ferret Finch Fox Frog "
    "Gecko Goose Gull Hare Hawk Heron Horse Ibex Ibis Jay Kestrel Kite Koala Lark Lemur Lion Llama Lynx Magpie Marten "
    "Mole Moose Newt Otter Owl Panda Parrot Pony Puffin Quail Rabbit Raven Robin Salmon Seal Stork Swan Swift Tiger "
    "Trout Turtle Whale Wolf Wren"
).split()


class Contact(Dated, TenantModel):
    """A person outside, or a colleague who writes in (then linked to their `User`)."""

    display_name = EncryptedTextField(default=str)
    masked_name = models.CharField(max_length=80, blank=True)
    language = models.CharField(max_length=16, blank=True, help_text="The language they write, such as en or pt_BR.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="contacts")
    linked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    erased_at = models.DateTimeField(null=True, editable=False, help_text="When the person was erased.")
    merged_into = models.ForeignKey(
        "self",
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="merged",
        help_text="The contact of the same person that has its addresses and conversations now.",
    )

    class Meta:
        permissions: ClassVar = [
            ("erase_contact", "Can erase a contact permanently"),
            ("merge_contact", "Can merge contacts"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant_id", "user"], name="contacts_by_user"),
            models.Index(fields=["tenant_id", "masked_name"], name="contacts_by_masked_name"),
            models.Index(fields=["tenant_id", "created_at"], name="contacts_by_day"),
        ]

    @property
    def shown_name(self) -> str:
        """Return the masked name, or a label that tells those without one apart: never empty."""
        return self.masked_name or visitor_label(self.pk)


class ContactPoint(Dated, TenantModel):
    """One address of a contact; found only by its blind index."""

    class Kind(models.TextChoices):
        """The kind of address; a WhatsApp id may come without a phone number."""

        PHONE = "phone", "Phone"
        EMAIL = "email", "Email"
        BSUID = "bsuid", "WhatsApp id"
        USERNAME = "username", "Username"
        WEBCHAT = "webchat", "Web chat visitor"
        MEMBER = "member", "Member"
        CUSTOMER = "customer", "Customer of an app"
        TYPED = "typed", "Email typed by the visitor (not proven)"

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="points")
    origin = models.ForeignKey(
        Contact,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="The merged contact that it came with; empty for the contact's own.",
    )
    kind = models.CharField(max_length=10, choices=Kind)
    value = EncryptedTextField()
    value_index = models.CharField(max_length=64, editable=False)
    masked_value = models.CharField(max_length=80, blank=True)
    is_verified = models.BooleanField(default=False)
    is_primary = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "kind", "value_index"], name="one_contact_per_point"),
            models.UniqueConstraint(
                fields=["tenant_id", "contact", "origin", "kind"],
                name="one_primary_point_per_kind",
                condition=models.Q(is_primary=True),
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {str(self.id)[-6:]}"


class ContactTag(TenantModel):
    """A tag that adds a contact to an audience."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=60)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant_id", "name", "contact"], name="one_tag_per_contact"),
        ]

    def __str__(self) -> str:
        return self.name


def visitor_label(contact_id: UUID) -> str:
    """Return what a contact without a name is called, such as "Visitor Blue Heron": always the same."""
    place = contact_id.int % (len(_COLOURS) * len(_ANIMALS))
    return f"Visitor {_COLOURS[place % len(_COLOURS)]} {_ANIMALS[place // len(_COLOURS)]}"
