"""How sign-in behaves: no open sign-up, and a label for authenticator apps without a stranger's data."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest
from django.urls import reverse

from accounts.services import client_address


class AccountAdapter(DefaultAccountAdapter):
    """People are invited, they do not sign up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse sign-up."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address by which sign-ins are counted: behind a trusted proxy, not the proxy's own."""
        return client_address(request)

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
        from core.crypto import seal_text  # noqa: PLC0415

        return seal_text(text, purpose="mfa")

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt an authenticator's secret."""
        from core.crypto import open_text  # noqa: PLC0415

        return open_text(encrypted_text, purpose="mfa")

    def get_totp_label(self, user: Any) -> str:
        """Name the entry in the person's own authenticator app."""
        return str(user.email)
