"""The exception of all stand-ins: an error answer that changes nothing."""

from typing import Any


class ApiError(Exception):
    """Becomes the JSON answer `{"code", "detail", ...facts}` with its status."""

    def __init__(self, status: int, code: str, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.body: dict[str, Any] = {"code": code, "detail": detail, **facts}


def invalid(**fields: str) -> ApiError:
    """Return the 422 error that names each wrong field."""
    return ApiError(
        422,
        "invalid",
        "Some fields are wrong.",
        fields={name: [message] for name, message in fields.items()},
    )


def not_found() -> ApiError:
    """Return the 404 error for missing resources and those of other accounts."""
    return ApiError(404, "not_found", "No such resource in this account.")


def refuse_unknown(wanted: dict[str, Any], kind: Any) -> None:
    """Raise a 422 error for names that the dataclass `kind` doesn't have."""
    unknown = sorted(set(wanted) - set(kind.__dataclass_fields__))
    if unknown:
        raise invalid(**dict.fromkeys(unknown, "Unknown field."))
