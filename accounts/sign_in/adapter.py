"""What allauth is given: no open sign-up, counted attempts at passwords and codes, encrypted second factors."""

from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.stagekit import clear_login
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from accounts.permissions.role_limits import FACTORS
from accounts.selectors import confirms_at_company, is_emergency_owner
from accounts.services import client_address, proven_lately
from accounts.sessions import company
from accounts.sign_in import attempts, known_devices

PROVEN: Final = "account_password_proven"
FIRST: Final = "account_first_sign_in"


class AccountAdapter(DefaultAccountAdapter):
    """People are invited, they do not sign up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse sign-up."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address by which sign-ins are counted: the client's, not a trusted proxy's."""
        return client_address(request)

    def pre_login(self, request: HttpRequest, user: Any, **options: Any) -> HttpResponse | None:
        """Remember which password or company was checked: the second factor comes in a later request."""
        request.session[PROVEN] = user.get_session_auth_hash()
        request.session[FIRST] = user.last_login is None
        request.session[company.WAITING] = (options.get("signal_kwargs") or {}).get(company.WAITING)
        response: HttpResponse | None = super().pre_login(request, user, **options)
        return response

    def login(self, request: HttpRequest, user: Any) -> None:
        """Sign in, unless the password has changed since it was checked, or the company's provider is gone."""
        waiting = request.session.pop(company.WAITING, None)
        if not constant_time_compare(request.session.pop(PROVEN, ""), user.get_session_auth_hash()):
            clear_login(request)
            raise ImmediateHttpResponse(redirect("admin:login"))
        super().login(request, user)
        request.session.pop(company.MARK, None)
        if waiting and not company.begin(request.session, waiting, user.pk):
            logout(request)
            raise ImmediateHttpResponse(redirect("admin:login"))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Let people without a factor confirm that it's them at their company, if it is the one to say so."""
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        has_factor = any(method["id"] != "reauthenticate" for method in found)
        if has_factor or not user.is_authenticated or not confirms_at_company(context.request.session, user):
            return found
        return [{"id": "company", "description": "Use your company sign-in", "url": reverse("company_confirm")}]

    def is_reauthentication_required(self, *, app: str, **options: Any) -> bool:
        """Ask those again, too, who have neither a password nor a factor: allauth would let them pass."""
        request = context.request
        if not super().get_reauthentication_methods(request.user) and not proven_lately(request):
            raise ReauthenticationRequired
        return bool(super().is_reauthentication_required(app=app, **options))

    def post_login(self, request: HttpRequest, user: Any, **options: Any) -> HttpResponse:
        """Tell the person of a browser that they haven't signed in with before."""
        response: HttpResponse = super().post_login(request, user, **options)
        known_devices.recognise(request, response, user, is_first=request.session.pop(FIRST, False))
        return response

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Check the password if there are tries left; all spellings of an address that sign in as one count as one."""
        account = attempts.rate_limit_key(str(credentials.get("email") or credentials.get("username") or ""))
        with attempts.counted(request, account) as attempt:
            user = super().authenticate(request, **credentials)
            attempt.is_right = user is not None
        return user

    def forget_failures(self, address: str) -> None:
        """Unlock an address after its password was reset."""
        attempts.forget_failures(attempts.rate_limit_key(address))

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Return to the sign-in settings."""
        return reverse("mfa_index")

    def add_message(self, request: HttpRequest, level: int, *args: Any, **options: Any) -> None:
        """Drop messages about signing in and out: the next page shows it."""
        template = str(options.get("message_template") or (args[0] if args else ""))
        if template.endswith(("logged_in.txt", "logged_out.txt")):
            return
        super().add_message(request, level, *args, **options)


class MfaAdapter(DefaultMFAAdapter):
    """Keeps the secrets of second factors encrypted, and emergency owners from losing theirs."""

    error_messages: ClassVar[dict[str, Any]] = {
        **DefaultMFAAdapter.error_messages,
        "cannot_delete_authenticator": "You're an emergency owner of your company sign-in, so you need a second "
        "factor. Set up another app or key first, or let an owner choose other emergency owners.",
    }

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Return False for the last factor of an emergency owner, whose password opens nothing without one."""
        factors = Authenticator.objects.filter(user_id=authenticator.user_id, type__in=FACTORS)
        is_last = not factors.exclude(pk=authenticator.pk).exists()
        return not (is_last and is_emergency_owner(authenticator.user_id))

    def encrypt(self, text: str) -> str:
        """Encrypt an authenticator's secret."""
        from core.privacy.encryption import seal_text  # noqa: PLC0415

        return seal_text(text, purpose="mfa")

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt an authenticator's secret."""
        from core.privacy.encryption import open_text  # noqa: PLC0415

        return open_text(encrypted_text, purpose="mfa")

    def get_totp_label(self, user: Any) -> str:
        """Name the entry in the person's own authenticator app."""
        return str(user.mail_address)

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Bind keys to the host of this installation's address, however a request spells it."""
        return {"id": urlsplit(settings.PUBLIC_URL).hostname or "", "name": settings.MFA_TOTP_ISSUER}

    def get_public_key_credential_user_entity(self, user: Any) -> dict[str, Any]:
        """Name the person on their own device."""
        named = {"name": user.mail_address, "display_name": user.get_full_name()}
        return {**super().get_public_key_credential_user_entity(user), **named}

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        """Number a key that was given no name."""
        return f"Key {user.authenticator_set.filter(type=type).count() + 1}"


class _Counted:
    """Lets a code be checked while the network address and the person have tries left."""

    user: Any

    def clean_code(self) -> str:
        """Return the right code, which unlocks the person and not the network address; raises `ValidationError`."""
        account = attempts.account_of_factors(context.request, self.user)
        with attempts.counted(context.request, account, unlocks=True) as attempt:
            code: str = super().clean_code()  # type: ignore[misc]
            attempt.is_right = True
        return code


class CodeForm(_Counted, AuthenticateForm):
    """The code at sign-in."""


class RepeatedCodeForm(_Counted, ReauthenticateForm):
    """The code again, before a change of the sign-in."""


class FirstCodeForm(_Counted, ActivateTOTPForm):
    """The first code of a new app."""
