"""Typed errors: each has an HTTP status, a stable code, a sentence, and facts without personal data."""

from collections.abc import Mapping
from typing import Any, ClassVar


class WalkerError(Exception):
    """Base of all errors that callers may see."""

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "error"

    def __init_subclass__(cls, *, status: int = 0, code: str = "") -> None:
        """Take the status and the code of a kind of error from its `class` line."""
        cls.status, cls.default_code = status or cls.status, code or cls.default_code

    def __init__(self, detail: str = "", *, code: str = "", **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.code = code or self.default_code
        self.facts = facts

    def as_dict(self) -> dict[str, Any]:
        """Return the body of an error response: `{"detail", "code", ...facts}`."""
        return {"detail": self.detail, "code": self.code, **self.facts}


class Invalid(WalkerError, status=400, code="invalid"):
    """The input is not valid."""


def check_fields(problems: Mapping[str, str]) -> None:
    """Raise `Invalid` with the fields that have a problem; an empty one is none."""
    if wrong := {name: [sentence] for name, sentence in problems.items() if sentence}:
        raise Invalid("Some fields are not valid.", fields=wrong)


class NotSignedIn(WalkerError, status=401, code="not_signed_in"):
    """Sign in first."""


class Refused(WalkerError, status=403, code="not_allowed"):
    """You may not do this."""


class NotFound(WalkerError, status=404, code="not_found"):
    """It doesn't exist, or you have no access to it."""


class Conflict(WalkerError, status=409, code="conflict"):
    """Someone else was faster, or what you saw has changed. Read it again."""


class Gone(WalkerError, status=410, code="gone"):
    """This is no longer valid."""


class TooLarge(WalkerError, status=413, code="too_large"):
    """This is larger than allowed."""


class TooMany(WalkerError, status=429, code="too_many"):
    """Too many requests; try again later."""


class Unavailable(WalkerError, status=503, code="unavailable"):
    """A required service is not available. Try again later."""


class NoTenant(RuntimeError):
    """A tenant-owned table was queried outside a tenant scope: a bug."""
