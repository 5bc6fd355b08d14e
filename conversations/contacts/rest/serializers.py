"""Serializers of contacts, their addresses and consents."""

from typing import Any, ClassVar

from django.db.models import Q
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from conversations.contacts.selectors.consents import wishes_of
from conversations.contacts.selectors.directory import points_in_order
from conversations.custom_fields.rest import values_by_key
from conversations.custom_fields.selectors import values_of
from conversations.models import Contact, ContactPoint
from core.models import Consent, ConsentWording
from core.rest.fields import CLEAR, Document, ExpandedField, RowSerializer


class PointSerializer(RowSerializer[ContactPoint]):
    """An address of a contact."""

    value = serializers.SerializerMethodField(method_name="shown_value")

    class Meta:
        model = ContactPoint
        fields: ClassVar[list[str]] = ["id", "kind", "value", "is_verified", "is_primary", "created_at"]

    def shown_value(self, point: ContactPoint) -> str:
        """Return the address, masked unless it is revealed."""
        return point.value if self.context.get(CLEAR) else point.masked_value


class ContactSummarySerializer(serializers.Serializer[Any]):
    """The contact, masked."""

    id = serializers.UUIDField(source="pk", read_only=True)
    name = serializers.CharField(source="shown_name", read_only=True)
    user_id = serializers.UUIDField(read_only=True, allow_null=True, help_text="The colleague, if it is one.")


class ExpandableContactSerializer(ContactSummarySerializer):
    """The contact, masked; all after `user_id` only with `expand=contact`."""

    points = PointSerializer(many=True, required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    clear = serializers.BooleanField(required=False)
    created_at = serializers.DateTimeField(required=False)


def require_search(attrs: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a search; raises `ValidationError` if there is nothing to look for."""
    if not attrs["q"] and not attrs["values"]:
        raise serializers.ValidationError({"q": ["This field is required."]})
    return attrs


class SearchingContacts(serializers.Serializer[Any]):
    """A search for contacts."""

    q = serializers.CharField(
        default="", allow_blank=True, max_length=200, help_text="A whole address, or the masked name."
    )
    tag = serializers.CharField(default="", max_length=60)
    custom_fields = Document(source="values", default=dict, help_text="Values of custom fields by their keys.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a search for nothing."""
        return require_search(attrs)


class OptOut(serializers.Serializer[Any]):
    """One thing that a person opted out of; the channel `any` stands for all."""

    channel = serializers.CharField()
    purpose = serializers.CharField()


class ContactSerializer(RowSerializer[Contact]):
    """An outside person, masked unless revealed."""

    name = serializers.SerializerMethodField()
    points = serializers.SerializerMethodField()
    tags: serializers.SlugRelatedField[Any] = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    clear = serializers.SerializerMethodField()

    class Meta:
        model = Contact
        fields: ClassVar[list[str]] = ["id", "name", "user_id", "language", "points", "tags", "clear", "created_at"]

    def get_name(self, contact: Contact) -> str:
        """Return the name."""
        return (contact.display_name if self.context.get(CLEAR) else "") or contact.shown_name

    @extend_schema_field(PointSerializer(many=True))
    def get_points(self, contact: Contact) -> list[dict[str, Any]]:
        """Return the addresses, the primary ones first."""
        rows = points_in_order(contact.points.all())
        return list(PointSerializer(rows, many=True, context=self.context).data)

    def get_clear(self, contact: Contact) -> bool:
        """Tell whether name and addresses are in clear."""
        return bool(self.context.get(CLEAR))


class Speaking(serializers.Serializer[Any]):
    """The language that a contact is written to in."""

    language = serializers.CharField(
        max_length=16, allow_blank=True, help_text="A code such as en, de or pt_BR; empty for not known."
    )


class ContactDetailSerializer(ContactSerializer):
    """One contact, and what it wants."""

    merged_into_id = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="The contact of the same person that has its addresses now."
    )
    is_blocked = serializers.SerializerMethodField(help_text="Blocked by a colleague: nobody writes to them.")
    opt_outs = serializers.SerializerMethodField(help_text="What the person opted out of, by channel and purpose.")
    unreachable = serializers.SerializerMethodField(
        help_text="Channels whose provider couldn't reach them; it ends when they write."
    )

    custom_fields = serializers.SerializerMethodField(help_text="Values by the keys of their fields.")

    class Meta(ContactSerializer.Meta):
        fields: ClassVar[list[str]] = [
            *ContactSerializer.Meta.fields,
            "custom_fields",
            "merged_into_id",
            "is_blocked",
            "opt_outs",
            "unreachable",
        ]

    def to_representation(self, instance: Contact) -> Any:
        """Read the ledger once for all fields."""
        self._wishes = wishes_of(instance.points.all())
        return super().to_representation(instance)

    def get_custom_fields(self, contact: Contact) -> dict[str, Any]:
        """Return the values, personal ones masked unless they are revealed."""
        return values_by_key(values_of(Q(contact=contact)), in_clear=bool(self.context.get(CLEAR)))

    def get_is_blocked(self, contact: Contact) -> bool:
        return self._wishes.is_blocked

    @extend_schema_field(OptOut(many=True))
    def get_opt_outs(self, contact: Contact) -> list[dict[str, str]]:
        return [{"channel": channel, "purpose": purpose} for channel, purpose in self._wishes.opt_outs]

    def get_unreachable(self, contact: Contact) -> list[str]:
        return list(self._wishes.unreachable)


class ConsentSerializer(RowSerializer[Consent]):
    """A line of the consent ledger. The newest by `at` of an address, channel and purpose counts.

    `contact_id` is null while no contact has the address; `purpose` is empty for blocks and addresses out of reach. A
    consent that `is_expired` counts as none.
    """

    contact_id = serializers.UUIDField(read_only=True, allow_null=True)
    contact = ExpandedField(ContactSerializer, "contact_id")
    is_expired = serializers.BooleanField(read_only=True)

    class Meta:
        model = Consent
        fields: ClassVar[list[str]] = (
            "id contact_id contact channel purpose state source at recorded_by recorded_at "
            "wording_id way place evidence expires_at is_expired"
        ).split()


class ConsentWordingSerializer(RowSerializer[ConsentWording]):
    """A version of the words by which people agree to a purpose; the highest is the one in use."""

    purpose = serializers.CharField(read_only=True)

    class Meta:
        model = ConsentWording
        fields: ClassVar[list[str]] = "id purpose version text created_by created_at".split()
