"""Endpoints of one's own profile and picture."""

from typing import Any, ClassVar

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.members import pictures, profile
from accounts.models import Membership
from core.rest.fields import PartialChange, RowSerializer, SafeJSONParser
from core.rest.idempotency import idempotent_outside_transaction
from core.rest.views import ApiViewSet

MB = 1024 * 1024


class ProfileChange(PartialChange):
    """What to change; what is left out stays."""

    first_name = serializers.CharField(max_length=profile.LONGEST_PART, required=False)
    last_name = serializers.CharField(max_length=profile.LONGEST_PART, required=False)
    language = serializers.ChoiceField(choices=Membership.Language.choices, required=False)
    zone = serializers.CharField(
        max_length=64, allow_blank=True, required=False, help_text="An IANA time zone; empty for the organisation's."
    )
    signature = serializers.CharField(
        max_length=profile.LONGEST_SIGNATURE,
        allow_blank=True,
        required=False,
        help_text="Plain text below one's replies by email, at most eight lines.",
    )


class ProfileSerializer(RowSerializer[Membership]):
    """The caller, and what is theirs in this organisation."""

    id = serializers.UUIDField(source="user_id", read_only=True, help_text="The person.")
    email = serializers.EmailField(source="user.mail_address", read_only=True)
    first_name = serializers.CharField(source="user.first_name", read_only=True)
    last_name = serializers.CharField(source="user.last_name", read_only=True)
    role = serializers.CharField(read_only=True, help_text="A built-in role, or the key of an own one.")
    picture = serializers.SerializerMethodField(help_text="A path of this site; empty without a picture.")
    signature = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField(source="user.created_at", read_only=True, help_text="Of the account.")
    updated_at = serializers.DateTimeField(
        source="user.updated_at", read_only=True, help_text="When name or password last changed."
    )
    last_login_at = serializers.DateTimeField(source="user.last_login", read_only=True, allow_null=True)

    class Meta:
        model = Membership
        fields: ClassVar[list[str]] = (
            "id email first_name last_name role picture language zone signature created_at updated_at last_login_at"
        ).split()

    def get_picture(self, row: Membership) -> str:
        """Return where the picture is."""
        return reverse("member_picture", args=[row.picture_key]) if row.picture_key else ""

    def get_signature(self, row: Membership) -> str:
        """Return the signature in clear: only its person asks."""
        return row.signature or ""


class OwnProfileViewSet(ApiViewSet):
    """The caller's own profile. API keys have none: 403 `not_a_person`."""

    permissions: ClassVar = {"retrieve": profile.USE, "partial_update": profile.USE}
    serializer_class = ProfileSerializer
    request_serializers: ClassVar = {"partial_update": ProfileChange}

    def retrieve(self, request: Request) -> Response:
        """Read your own profile."""
        return self.respond(profile.read_profile(viewer=self.actor))

    def partial_update(self, request: Request) -> Response:
        """Change parts of your own profile; what is left out stays.

        The name changes in all your organisations, the rest in this one.
        """
        return self.call_service(profile.change_profile)


class PictureUpload(serializers.Serializer[Any]):
    """A picture."""

    picture = serializers.FileField(help_text="PNG, JPEG or WebP, up to 2 MB.")


class OwnPictureViewSet(ApiViewSet):
    """The caller's own picture."""

    permissions: ClassVar = {"create": profile.USE, "destroy": profile.USE}
    serializer_class = ProfileSerializer
    request_serializers: ClassVar = {"create": PictureUpload}
    parser_classes = (MultiPartParser, SafeJSONParser)
    largest_body = pictures.LARGEST + MB

    @extend_schema(request={"multipart/form-data": PictureUpload})
    @idempotent_outside_transaction
    def create(self, request: Request) -> Response:
        """Change your picture; `multipart/form-data`. A square is drawn from it, and nothing else of it is kept."""
        profile.read_profile(viewer=self.actor)  # first: who may not isn't told what is wrong with the file
        return self.respond(pictures.save_picture(actor=self.actor, picture=self.read_body()["picture"]))

    def destroy(self, request: Request) -> Response:
        """Remove your picture; 409 `no_picture`."""
        own = profile.read_profile(viewer=self.actor)
        pictures.remove_picture(actor=self.actor, membership_id=own.pk)
        return Response(status=self.get_success_status())
