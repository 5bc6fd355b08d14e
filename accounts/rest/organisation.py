"""Endpoints of the organisation: its settings, their history, its logo, and what it uses of its tier."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.members.pictures import LARGEST
from accounts.models import Membership, SettingChange, Tenant
from accounts.organisation import settings, usage, zone
from accounts.organisation.settings import CHANGE
from accounts.permissions.factor_rules import MOST_DAYS
from accounts.selectors import logo_address
from core.errors import Invalid
from core.rest.fields import PartialChange, RowSerializer, SafeJSONParser
from core.rest.idempotency import idempotent_outside_transaction
from core.rest.pagination import KeysetPagination
from core.rest.views import ApiViewSet, ListViewSet
from core.tenancy.scope import current_tenant_id

MB = 1024 * 1024


class SecondFactorRule(serializers.Serializer[Any]):
    """Which roles need a second factor."""

    roles = serializers.ListField(
        child=serializers.CharField(max_length=14), max_length=60, help_text="Built-in roles, or the keys of own ones."
    )
    days = serializers.IntegerField(
        min_value=0, max_value=MOST_DAYS, help_text="Of grace, for roles that need none yet."
    )


class OrganisationChange(PartialChange):
    """What to change; what is left out stays."""

    name = serializers.CharField(max_length=settings.NAME_LIMIT, required=False)
    currency = serializers.CharField(min_length=3, max_length=3, required=False)
    language = serializers.ChoiceField(choices=Membership.Language.choices, required=False)
    support_name = serializers.CharField(
        max_length=settings.SUPPORT_LIMIT,
        allow_blank=True,
        required=False,
        help_text="The sender's name of emails, where the mail account has none.",
    )
    second_factor = SecondFactorRule(required=False)
    zone = serializers.CharField(
        max_length=64, required=False, help_text="An IANA time zone; in a request of its own. It counts at once."
    )


class OrganisationSerializer(RowSerializer[Tenant]):
    """The organisation."""

    zone = serializers.CharField(source="timezone", read_only=True)
    logo = serializers.SerializerMethodField(help_text="A `data:` address; empty without a logo.")
    second_factor = serializers.DictField(
        source="factor_due",
        read_only=True,
        help_text="From when each role that needs a second factor can't do without.",
    )
    company_sign_in = serializers.SerializerMethodField(help_text="off, optional or required.")

    class Meta:
        model = Tenant
        fields: ClassVar[list[str]] = (
            "id slug name zone currency language support_name logo second_factor company_sign_in created_at"
        ).split()

    def get_logo(self, row: Tenant) -> str:
        """Return the logo itself."""
        return logo_address()

    def get_company_sign_in(self, row: Tenant) -> str:
        """Return whether people sign in at their company."""
        return settings.company_sign_in(row)


class OrganisationViewSet(ApiViewSet):
    """The caller's organisation."""

    permissions: ClassVar = {"retrieve": CHANGE, "partial_update": CHANGE}
    serializer_class = OrganisationSerializer
    request_serializers: ClassVar = {"partial_update": OrganisationChange}

    def retrieve(self, request: Request) -> Response:
        """Read your organisation."""
        return self.respond(settings.read_organisation(viewer=self.actor))

    def partial_update(self, request: Request) -> Response:
        """Change settings of your organisation; what is left out stays.

        `second_factor` also needs `accounts.manage_membership` and a fresh sign-in; API keys can't change it. `zone`
        also needs `hitl.manage_workflow`, in a request of its own; days that are over stay as they were counted. 409
        `tampered`.
        """
        asked = self.read_body()
        if "zone" in asked:
            if len(asked) > 1:
                alone = "Change the time zone in a request of its own."
                raise Invalid(alone, fields={"zone": [alone]})
            return self.call_service(zone.change_zone, tenant_id=current_tenant_id())
        return self.call_service(settings.change_organisation, tenant_id=current_tenant_id())


class LogoUpload(serializers.Serializer[Any]):
    """A logo."""

    logo = serializers.FileField(help_text="PNG, JPEG or WebP, up to 2 MB.")


class LogoViewSet(ApiViewSet):
    """The organisation's logo."""

    permissions: ClassVar = {"create": CHANGE, "destroy": CHANGE}
    serializer_class = OrganisationSerializer
    request_serializers: ClassVar = {"create": LogoUpload}
    parser_classes = (MultiPartParser, SafeJSONParser)
    largest_body = LARGEST + MB

    @extend_schema(request={"multipart/form-data": LogoUpload})
    @idempotent_outside_transaction
    def create(self, request: Request) -> Response:
        """Change your organisation's logo; `multipart/form-data`. Nothing but pixels of it is kept."""
        return self.call_service(settings.save_logo)

    def destroy(self, request: Request) -> Response:
        """Remove your organisation's logo; 409 `no_logo`."""
        settings.remove_logo(actor=self.actor)
        return Response(status=self.get_success_status())


class SettingSerializer(serializers.Serializer[Any]):
    """A setting of the organisation: what it is for, and who changed it last."""

    key = serializers.CharField()
    value = serializers.JSONField()
    description = serializers.CharField()
    is_public = serializers.BooleanField(help_text="Whether customers see it.")
    updated_at = serializers.DateTimeField(allow_null=True)
    updated_by = serializers.UUIDField(allow_null=True)


class SettingViewSet(ListViewSet):
    """The catalogue of settings."""

    descriptions: ClassVar = {"list": "List every setting of your organisation with its value."}
    permissions: ClassVar = {"list": CHANGE}
    serializer_class = SettingSerializer
    pagination_class = None
    list_rows = staticmethod(settings.list_settings)


class SettingChangeSerializer(RowSerializer[SettingChange]):
    """A change of a setting."""

    value = serializers.JSONField(read_only=True)
    changed_by = serializers.UUIDField(source="changed_by_id", read_only=True, allow_null=True)

    class Meta:
        model = SettingChange
        fields: ClassVar[list[str]] = "id key value changed_by created_at".split()


class SettingChangeViewSet(ListViewSet):
    """The history of settings."""

    descriptions: ClassVar = {"list": "List changes of your organisation's settings, newest first."}
    permissions: ClassVar = {"list": CHANGE}
    serializer_class = SettingChangeSerializer
    pagination_class = KeysetPagination
    list_rows = staticmethod(settings.list_changes)


class UseSerializer(serializers.Serializer[Any]):
    """How much of one thing is used."""

    key = serializers.CharField()
    name = serializers.CharField(source="label")
    used = serializers.DecimalField(
        max_digits=20, decimal_places=2, allow_null=True, help_text="Null where it isn't known at the moment."
    )
    limit = serializers.DecimalField(max_digits=20, decimal_places=2, allow_null=True, help_text="Null for none.")
    percent = serializers.IntegerField(allow_null=True, help_text="Of the limit, at most 100.")


class UsageViewSet(ListViewSet):
    """What the organisation uses of its tier."""

    descriptions: ClassVar = {"list": "List what your organisation uses, with the limits of its tier."}
    permissions: ClassVar = {"list": CHANGE}
    serializer_class = UseSerializer
    pagination_class = None
    list_rows = staticmethod(usage.list_usage)
