"""Typed errors: each has an HTTP status, a stable code, a sentence, and facts without personal data."""

from typing import Any, ClassVar


class WalkerError(Exception):
    """Base of all errors that callers may see."""

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "error"

    def __init__(self, detail: str = "", *, code: str = "", **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail or (type(self).__doc__ or "").strip()
        self.code = code or self.default_code
        self.facts = facts

    def as_dict(self) -> dict[str, Any]:
        """Return the body of an error response: `{"detail", "code", ...facts}`."""
        return {"detail": self.detail, "code": self.code, **self.facts}


class Invalid(WalkerError):
    """The input is not valid."""

    status = 400
    default_code = "invalid"


class Refused(WalkerError):
    """You may not do this."""

    status = 403
    default_code = "not_allowed"


class NotFound(WalkerError):
    """It doesn't exist, or you have no access to it."""

    status = 404
    default_code = "not_found"


class Conflict(WalkerError):
    """Someone else was faster, or what you saw has changed. Read it again."""

    status = 409
    default_code = "conflict"


class Gone(WalkerError):
    """This is no longer valid."""

    status = 410
    default_code = "gone"


class TooLarge(WalkerError):
    """This is larger than allowed."""

    status = 413
    default_code = "too_large"


class TooMany(WalkerError):
    """Too many requests; try again later."""

    status = 429
    default_code = "too_many"


class Unavailable(WalkerError):
    """A required service is not available. Try again later."""

    status = 503
    default_code = "unavailable"


class NoTenant(RuntimeError):
    """A tenant-owned table was queried outside a tenant scope: a bug."""
