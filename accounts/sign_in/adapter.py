"""How sign-in behaves: no open sign-up, and a label for authenticator apps without a stranger's data."""

from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.stagekit import clear_login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from accounts.services import client_address

PROVEN: Final = "account_password_proven"


def as_counted(address: str) -> str:
    """Return the one spelling by which tries with an address are counted.

    The database finds an account by capitals, and there are letters whose capital is another one's: "ı", "ſ".
    """
    return address.upper().lower()


class AccountAdapter(DefaultAccountAdapter):
    """People are invited, they do not sign up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse sign-up."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address by which sign-ins are counted: behind a trusted proxy, not the proxy's own."""
        return client_address(request)

    def pre_login(self, request: HttpRequest, user: Any, **options: Any) -> HttpResponse | None:
        """Keep which password was proven: the second factor is asked for in a request of its own."""
        request.session[PROVEN] = user.get_session_auth_hash()
        response: HttpResponse | None = super().pre_login(request, user, **options)
        return response

    def login(self, request: HttpRequest, user: Any) -> None:
        """Sign in, unless the password was changed since it was proven."""
        if not constant_time_compare(request.session.pop(PROVEN, ""), user.get_session_auth_hash()):
            clear_login(request)
            raise ImmediateHttpResponse(redirect("admin:login"))
        super().login(request, user)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count all spellings of an address that sign in as one."""
        counted = {name: as_counted(credentials[name]) for name in ("email", "username") if credentials.get(name)}
        key: str = super()._get_login_attempts_cache_key(request, **counted)
        return key

    def forget_failures(self, request: HttpRequest, address: str) -> None:
        """Let somebody in at once whose wrong tries had locked the address: the password is a new one."""
        self._delete_login_attempts_cached_email(request, email=address)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Go back to where one changes how one signs in."""
        return reverse("mfa_index")

    def add_message(self, request: HttpRequest, level: int, *args: Any, **options: Any) -> None:
        """Say nothing about coming and going: the page that follows shows it."""
        template = str(options.get("message_template") or (args[0] if args else ""))
        if template.endswith(("logged_in.txt", "logged_out.txt")):
            return
        super().add_message(request, level, *args, **options)


class MfaAdapter(DefaultMFAAdapter):
    """Keeps the secrets of second factors encrypted."""

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
        return str(user.email)
