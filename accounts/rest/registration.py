"""Endpoints by which a person registers, and proves their address."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.members.profile import LONGEST_PART
from accounts.rest.tokens import LONGEST_PASSWORD, LONGEST_TOKEN, PerAddress
from accounts.sign_in import registration
from core.rest.views import ApiViewSet


class RegisterRequest(serializers.Serializer[Any]):
    """Who registers; with the secret of an invitation's link, the address may be left out."""

    email = serializers.EmailField(max_length=254, required=False)
    password = serializers.CharField(max_length=LONGEST_PASSWORD, trim_whitespace=False)
    first_name = serializers.CharField(max_length=LONGEST_PART)
    last_name = serializers.CharField(max_length=LONGEST_PART)
    invitation = serializers.CharField(
        max_length=100, required=False, help_text="The last part of the link in the invitation's email."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a body that names nobody."""
        if {"email", "invitation"} & attrs.keys():
            return attrs
        raise serializers.ValidationError({"email": ["Enter your email address."]})


class VerifyEmailRequest(serializers.Serializer[Any]):
    """The token of the email, and the password that was registered with."""

    token = serializers.CharField(max_length=LONGEST_TOKEN)
    password = serializers.CharField(max_length=LONGEST_PASSWORD, trim_whitespace=False)


class NextStepSerializer(serializers.Serializer[Any]):
    """What to do next."""

    next = serializers.ChoiceField(
        choices=["verify_email", "be_invited", "sign_in"],
        help_text="`verify_email` by the email that was sent, `be_invited` to an organisation, or `sign_in`.",
    )


class RegistrationViewSet(ApiViewSet):
    """Registering. Open to everybody, as far as the installation allows it."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes = [PerAddress]
    permissions: ClassVar = {"register": "", "verify_email": ""}
    serializer_class = NextStepSerializer

    @action(detail=False, methods=["post"], request_serializer=RegisterRequest, success_status=201)
    def register(self, request: Request) -> Response:
        """Register: get an email that proves the address, or join at once with an invitation.

        The answer doesn't tell whether the address has an account; the email does. The account sees nothing until it
        is invited. 403 `registration_closed` or `invitation_needed` (`WALKER_REGISTRATION`); with an `invitation` also
        410 `invitation_over`, 403 `other_person`, and `sign_in` for an address that has an account. 429 after five an
        hour for one address.
        """
        given, plain = self.read_body(), request._request
        secret = given.pop("invitation", "")
        given.setdefault("email", "")
        if secret:
            registration.register_by_invitation(request=plain, secret=secret, **given)
        else:
            registration.register(request=plain, **given)
        return self.respond({"next": "sign_in" if secret else "verify_email"})

    @action(detail=False, methods=["post"], url_path="verify-email", request_serializer=VerifyEmailRequest)
    def verify_email(self, request: Request) -> Response:
        """Make the account that was asked for, by the token of the email, which works once and for a day.

        It takes the password as well, so that nobody confirms what a stranger asked for; 429 after five tries an hour.
        410 `registration_over` for one that was used, has expired or never was, or if the address got an account since.
        """
        registration.verify_email(request=request._request, **self.read_body())
        return self.respond({"next": "be_invited"})
