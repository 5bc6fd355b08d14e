"""Endpoints by which a person signs in to the API: tokens for one device, new ones, and the end of them."""

from collections.abc import Iterator
from typing import Any, ClassVar

from allauth.core.internal.ratelimit import get_ip
from django.conf import settings
from django.utils.crypto import salted_hmac
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.sign_in import tokens
from core.rest.throttles import PerClient
from core.rest.views import ApiViewSet

LONGEST_PASSWORD = 4096
LONGEST_TOKEN = 400


class PerAddress(PerClient):
    """Counts requests of those who are not signed in, by their network address."""

    def limits(self, request: Request) -> Iterator[tuple[str, int]]:
        """Yield the name under which the address is counted, and its limit."""
        address = salted_hmac("walker.auth", get_ip(request._request)).hexdigest()
        yield f"auth:{address}", int(settings.API_REQUESTS_PER_MINUTE)


class LoginRequest(serializers.Serializer[Any]):
    """Email and password; or, as the second step, the ticket and a code."""

    email = serializers.EmailField(max_length=254, required=False)
    password = serializers.CharField(max_length=LONGEST_PASSWORD, required=False, trim_whitespace=False)
    organisation = serializers.SlugField(
        max_length=50, required=False, help_text="Its short name; needed by members of several."
    )
    ticket = serializers.CharField(max_length=600, required=False, help_text="From the answer `mfa_required`.")
    code = serializers.CharField(max_length=32, required=False, help_text="Of the second factor, or a recovery code.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a body with neither step whole."""
        if {"email", "password"} <= attrs.keys() or {"ticket", "code"} <= attrs.keys():
            return attrs
        raise serializers.ValidationError({"email": ["Send email and password, or ticket and code."]})


class RefreshRequest(serializers.Serializer[Any]):
    """A refresh token."""

    refresh = serializers.CharField(max_length=LONGEST_TOKEN)


class TokensSerializer(serializers.Serializer[Any]):
    """Tokens of one device. Keep the refresh token as you would a password."""

    access = serializers.CharField(help_text="Sent as `Authorization: Bearer`.")
    refresh = serializers.CharField(help_text="Works once; the answer has the next one.")
    expires_at = serializers.DateTimeField(help_text="When the access token ends.")


class TokenViewSet(ApiViewSet):
    """Signing in as a person. Open to everybody, and nothing that is answered is kept."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes = [PerAddress]
    permissions: ClassVar = {"login": "", "refresh": "", "logout": ""}
    serializer_class = TokensSerializer

    @action(detail=False, methods=["post"], request_serializer=LoginRequest)
    def login(self, request: Request) -> Response:
        """Sign in with email and password, and with a code where a second factor is set up.

        Then the first answer is 401 `mfa_required` with a `ticket`, valid once and for five minutes: send it with
        `code`. A security key works in the console alone. 401 `wrong_password`, `wrong_code`, `bad_ticket`; 400
        `organisation_needed` for members of several organisations; 403 `no_membership`, `factor_required` for a role
        that needs a second factor where none is set up; 429 after too many wrong attempts, which count as those at the
        console.
        """
        given, plain = self.read_body(), request._request
        if {"ticket", "code"} <= given.keys():
            return self.respond(tokens.confirm_code(request=plain, ticket=given["ticket"], code=given["code"]))
        given = {name: given[name] for name in ("email", "password", "organisation") if name in given}
        return self.respond(tokens.sign_in(request=plain, **given))

    @action(detail=False, methods=["post"], request_serializer=RefreshRequest)
    def refresh(self, request: Request) -> Response:
        """Get new tokens for a refresh token, which works once.

        Sent again within ten seconds, it leads to the same refresh token, for an answer that was lost. Later the
        device is signed out and its person gets an alert: 401 `bad_refresh`, as for a token that has ended. 403
        `factor_required` while the role needs a second factor that isn't set up.
        """
        return self.respond(tokens.refresh(request=request._request, token=self.read_body()["refresh"]))

    @action(detail=False, methods=["post"], request_serializer=RefreshRequest, success_status=204)
    def logout(self, request: Request) -> Response:
        """Sign the device of a refresh token out: its tokens are refused from the next request on. Safe to repeat.

        401 `bad_refresh` for a text that never was one.
        """
        tokens.sign_out(request=request._request, token=self.read_body()["refresh"])
        return Response(status=self.get_success_status())
