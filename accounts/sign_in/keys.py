"""Security keys and passkeys: added, named and used. allauth checks their answers, and we where they come from."""

import json
import re
import struct
from typing import Any, Final
from urllib.parse import urlsplit

from allauth.account.models import Login
from allauth.account.utils import get_next_redirect_url
from allauth.core import context
from allauth.mfa import signals
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AddWebAuthnForm, AuthenticateWebAuthnForm, EditWebAuthnForm
from allauth.mfa.webauthn.internal import auth, flows
from allauth.mfa.webauthn.views import (
    AddWebAuthnView,
    EditWebAuthnView,
    LoginWebAuthnView,
    ReauthenticateWebAuthnView,
    RemoveWebAuthnView,
)
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.utils.crypto import salted_hmac
from django.utils.http import urlencode
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AuthenticationResponse, RegistrationResponse, UserVerificationRequirement

from accounts.models import User
from accounts.services import client_address
from accounts.sign_in import attempts
from accounts.sign_in.audit import FAILED, record_renamed_key
from core.reliability.rate_limit import count_or_let_pass

MOST: Final = 10
ASKED_PER_MINUTE: Final = 120
"""Questions to passkeys from one network address, right or wrong: an office is many people."""
LONGEST_NAME: Final = 60
LONGEST_ANSWER: Final = 20_000
MALFORMED: Final = (
    *(TypeError, ValueError, KeyError, IndexError, AttributeError, RecursionError, OverflowError),
    *(struct.error, NotImplementedError),
)
"""What the libraries raise for bytes that no key sends."""
_BASE64: Final = re.compile(r"[\w-]+=*", re.ASCII)
_NONE_FOUND: Final = websafe_encode(cbor.encode({"authData": b""}))
_PARTS: Final = ("clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle")
NO_ANSWER: Final = "Your browser sent no answer of a key. Try again, in a browser that runs scripts and knows keys."
UNREADABLE: Final = "This isn't the answer of a key of yours for this page. Try again."
WRONG: Final = "This key isn't one of yours, or its answer came too late. Try again."

AT_COMPANY: Final = "Your company signs you in. Use this key there, as your second factor."
NO_PASSKEY: Final = (
    "This key works together with your password. To use it alone, remove it and add it again as a passkey."
)


def origin() -> str:
    """Return the origin of our own pages, as browsers write it."""
    address = urlsplit(settings.PUBLIC_URL)
    is_usual = address.port in (None, {"https": 443, "http": 80}.get(address.scheme))
    return f"{address.scheme}://{address.hostname}" + ("" if is_usual else f":{address.port}")


class AnswerField(forms.Field):
    """What a browser says of a key, as JSON: on our own origin alone, and only the parts that are checked are kept."""

    widget = forms.HiddenInput

    def __init__(self, kind: type[RegistrationResponse] | type[AuthenticationResponse]) -> None:
        super().__init__(error_messages={"required": NO_ANSWER})
        self.kind = kind

    def to_python(self, value: Any) -> dict[str, Any] | None:
        """Return the answer, None without one; raises `ValidationError`."""
        if not value:
            return None
        try:
            if len(value) > LONGEST_ANSWER:
                raise ValueError
            given = json.loads(value)
            key, said = str(given["rawId"]), given["response"]
            # Some browsers send an empty text for a handle that the key has not.
            parts = {name: str(said[name]) for name in _PARTS if said.get(name)}
            if not all(_BASE64.fullmatch(part) for part in (key, *parts.values())):
                raise ValueError
            told: Any = json.loads(websafe_decode(parts["clientDataJSON"]).decode())
            # The library lets pages of subdomains in, and pages within those of others.
            if told["origin"] != origin() or told.get("crossOrigin"):
                raise ValueError
            found: Any = cbor.decode(websafe_decode(parts.get("attestationObject", _NONE_FOUND)))
            # For a number in their place the library would take as many bytes of memory.
            if not (isinstance(told["challenge"], str) and isinstance(found["authData"], bytes)):
                raise ValueError
            answer = {"id": key, "rawId": key, "type": "public-key", "response": parts, "clientExtensionResults": {}}
            self.kind.from_dict(answer)
        except MALFORMED:
            raise ValidationError(UNREADABLE, code="unreadable") from None
        return answer


class AddKeyForm(AddWebAuthnForm):
    """A new key, its name, and whether it is a passkey."""

    name = forms.CharField(
        label="Name", max_length=LONGEST_NAME, required=False, help_text="To tell it apart, for example “Blue key”."
    )
    passwordless = forms.BooleanField(
        label="Passkey: sign in with it instead of my password",
        required=False,
        help_text="It then asks for its PIN, your fingerprint or your face.",
    )
    credential = AnswerField(RegistrationResponse)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.user.has_usable_password():  # then it replaces none
            del self.fields["passwordless"]

    def clean_credential(self) -> dict[str, Any]:
        """Return the answer of a key that can be used later and isn't on the list yet."""
        answer: dict[str, Any] = self.cleaned_data["credential"]
        made_by = RegistrationResponse.from_dict(answer).response.attestation_object.auth_data
        made = made_by.credential_data
        if made is None or made.public_key.ALGORITHM not in CoseKey.supported_algorithms():
            raise ValidationError(UNREADABLE, code="unreadable")
        if auth.get_authenticator_by_credential_id(self.user, made.credential_id):
            raise ValidationError("This key is on your list already.", code="known_key")
        if self.data.get("passwordless") and not made_by.is_user_verified():
            raise ValidationError(
                "This key asked for no PIN, fingerprint or face, as a passkey has to.", code="touched"
            )
        return answer

    def clean(self) -> dict[str, Any]:
        """Check the answer against what this session asked; raises `ValidationError`, also for too many keys."""
        if Authenticator.objects.filter(user=self.user, type=Authenticator.Type.WEBAUTHN).count() >= MOST:
            raise ValidationError(f"You can have up to {MOST} keys. Remove one you no longer use.", code="too_many")
        try:
            given: dict[str, Any] = super().clean()
        except ValidationError:
            raise ValidationError(WRONG, code="wrong_key") from None
        if "credential" in given:
            # What the browser said of it can't be relied on; what the person wanted, and the key has shown, can.
            given["credential"]["clientExtensionResults"] = {"credProps": {"rk": given.get("passwordless", False)}}
        return given


class KeyForm(AuthenticateWebAuthnForm):
    """A key at sign-in, counted as codes are."""

    credential = AnswerField(AuthenticationResponse)

    def clean_credential(self) -> Authenticator:
        """Return the person's key that answered; raises `ValidationError`."""
        # A passkey says itself whose it is, so that nobody can be locked out by their name.
        own = attempts.account_of_factors(context.request, self.user) if self.user else ""
        account = own or f"key:{self.cleaned_data['credential']['rawId']}"
        with attempts.counted(context.request, account, unlocks=True) as attempt:
            try:
                key = super().clean_credential()
            except (ValidationError, *MALFORMED):
                self.note_failure()
                raise ValidationError(WRONG, code="wrong_key") from None
            attempt.is_right = True
        return key

    def note_failure(self) -> None:
        """Let the failure be counted and, where it is known whose it is, recorded as a wrong code is."""
        if self.user is None:
            FAILED.inc()
            return
        signals.authentication_failed.send(
            sender=Authenticator,
            request=context.request,
            user=self.user,
            authenticator=Authenticator(user=self.user, type=Authenticator.Type.WEBAUTHN),
            reauthentication=self.reauthenticated,
        )


class ConfirmKeyForm(KeyForm):
    """A key again, before a change of the sign-in."""

    reauthenticated = True


class PasskeyForm(KeyForm):
    """A key in place of email address and password."""

    passwordless = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, user=None, **kwargs)

    def clean_credential(self) -> Authenticator:
        """Return the passkey that answered, and that had to know its owner; raises `ValidationError`."""
        # A key that is asked for as a second factor, in the same session, may answer to a mere touch.
        asked = (auth.get_state() or {}).get("user_verification")
        if asked != UserVerificationRequirement.REQUIRED:
            raise ValidationError(WRONG, code="wrong_key")
        key = super().clean_credential()
        if not key.user.is_active:
            raise ValidationError(WRONG, code="wrong_key")
        # An account that a company made is the company's to open.
        if not key.user.has_usable_password():
            raise ValidationError(AT_COMPANY, code="no_passkey")
        if not key.wrap().is_passwordless:
            raise ValidationError(NO_PASSKEY, code="no_passkey")
        return key


class RenameKeyForm(EditWebAuthnForm):
    """Another name for a key."""

    name = forms.CharField(label="Name", max_length=LONGEST_NAME)

    def save(self) -> Authenticator:
        """Store the name. Writes `SECOND_FACTOR_RENAMED`, without it."""
        key = super().save()
        record_renamed_key(context.request, key.user)
        return key


class _AsksAgain:
    """Shows the form again with what was wrong, and what the next answer has to be about."""

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        response: HttpResponse = self.render_to_response({**self.get_context_data(), "form": form})  # type: ignore[attr-defined]
        return response


class AddKeyView(_AsksAgain, AddWebAuthnView):
    """Adding a key; the password or a factor was confirmed before."""

    form_class = AddKeyForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Add one key of a person at a time, and none after a reset of their factors, which ended this session."""
        list(User.objects.select_for_update().filter(pk=request.user.pk))  # type: ignore[misc]  # signed in
        if not request.session.exists(request.session.session_key or ""):
            return HttpResponseRedirect(reverse("admin:login"))
        response: HttpResponse = super().post(request, *args, **kwargs)
        return response


class RemoveKeyView(RemoveWebAuthnView):
    """Removing a key, unless an emergency owner would be left without a factor."""

    def form_valid(self, form: forms.Form) -> HttpResponse:
        """Remove the key, or say why it stays."""
        adapter = get_adapter()
        if not adapter.can_delete_authenticator(self.object):
            messages.error(self.request, adapter.error_messages["cannot_delete_authenticator"])
            return HttpResponseRedirect(self.get_success_url())
        response: HttpResponse = super().form_valid(form)
        return response


class ConfirmByKeyView(_AsksAgain, ReauthenticateWebAuthnView):
    """Confirming by a key that it is still the same person."""

    form_class = ConfirmKeyForm


class PasskeyView(LoginWebAuthnView):
    """Signing in by a passkey: what to ask it (GET, as JSON), and its answer (POST)."""

    form_class = PasskeyForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return what to ask, and remember it in the session."""
        visitor = salted_hmac("walker.passkeys", client_address(request)).hexdigest()
        if count_or_let_pass(f"passkeys:{visitor}", seconds=60) > ASKED_PER_MINUTE:
            return HttpResponse(status=429, headers={"Retry-After": "60"})
        response: HttpResponse = super().get(request, *args, **kwargs)
        return response

    def form_valid(self, form: forms.Form) -> HttpResponse:
        """Sign in, and go on where the person wanted to go."""
        key = form.cleaned_data["credential"]
        login = Login(user=key.user, redirect_url=get_next_redirect_url(self.request))
        response: HttpResponse = flows.perform_passwordless_login(self.request, key, login)
        return response

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        """Show the sign-in page again, with what was wrong."""
        for message in form.errors.get("credential", []):
            messages.error(self.request, str(message))
        wanted = get_next_redirect_url(self.request)
        return HttpResponseRedirect(reverse("admin:login") + (f"?{urlencode({'next': wanted})}" if wanted else ""))


BACK: Final = reverse_lazy("mfa_index")
# A key is there if and only if the audit log says so.
add_key = transaction.atomic(AddKeyView.as_view())
rename_key = transaction.atomic(EditWebAuthnView.as_view(form_class=RenameKeyForm, success_url=BACK))
remove_key = transaction.atomic(RemoveKeyView.as_view(success_url=BACK))
confirm_by_key = ConfirmByKeyView.as_view()
sign_in_by_passkey = PasskeyView.as_view()
