"""Forms that ask for a code of the second factor, with counted attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm

from accounts.sign_in import attempts

if TYPE_CHECKING:
    from accounts.models import User


class _Counted:
    """Lets a code be checked while the network address and the person have tries left."""

    user: User

    def clean_code(self) -> str:
        """Return the right code, which unlocks the person and not the network address; raises `ValidationError`."""
        with attempts.counted(context.request, f"code:{self.user.pk}", unlocks=True) as attempt:
            code: str = super().clean_code()  # type: ignore[misc]
            attempt.is_right = True
        return code


class CodeForm(_Counted, AuthenticateForm):
    """The code at sign-in."""


class RepeatedCodeForm(_Counted, ReauthenticateForm):
    """The code again, before a change of the sign-in."""


class FirstCodeForm(_Counted, ActivateTOTPForm):
    """The first code of a new app."""
