"""The one exception of the platform: an answer that refuses a request and changes nothing."""

from typing import Any


class ApiError(Exception):
    """Becomes the JSON answer `{"code", "detail", ...facts}` with its status."""

    def __init__(self, status: int, code: str, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.body: dict[str, Any] = {"code": code, "detail": detail, **facts}


def invalid(**fields: str) -> ApiError:
    """The 422 that names each wrong field."""
    return ApiError(
        422,
        "invalid",
        "Some fields are wrong.",
        fields={name: [message] for name, message in fields.items()},
    )


def not_found() -> ApiError:
    """The 404 for what is absent and for what belongs to another account."""
    return ApiError(404, "not_found", "No such resource in this account.")


def refuse_unknown(wanted: dict[str, Any], kind: Any) -> None:
    """Raise the 422 for names that the dataclass `kind` does not have."""
    unknown = sorted(set(wanted) - set(kind.__dataclass_fields__))
    if unknown:
        raise invalid(**dict.fromkeys(unknown, "Unknown field."))
