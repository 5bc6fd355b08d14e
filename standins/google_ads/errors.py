"""Errors as Google's APIs answer them: a google.rpc.Status with a GoogleAdsFailure in its details.

Names of errors are those of google-ads 34.0.0 (`v26/errors/types`), whose message classes read the details; codes of
HTTP are those of Google's page on API errors.
"""

import uuid
from dataclasses import dataclass, field
from typing import Any

from standins.errors import ApiError
from standins.store import Document

FAILURE = "type.googleapis.com/google.ads.googleads.v26.errors.GoogleAdsFailure"
INVALID = 3
"""The number of INVALID_ARGUMENT in google.rpc.Code."""
STATUSES = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
                             "cookie or other valid authentication credential."),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    500: ("INTERNAL", "Internal error encountered."),
    503: ("UNAVAILABLE", "The service is currently unavailable."),
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One error: its group and name, what it says, and the path of the field that is wrong."""

    group: str
    name: str
    message: str
    path: tuple[str | tuple[str, int], ...] = ()
    details: Document = field(default_factory=dict)

    def show(self) -> Document:
        """Return it as a GoogleAdsError."""
        shown: dict[str, Any] = {"errorCode": {self.group: self.name}, "message": self.message}
        if self.path:
            elements = [
                {"fieldName": step} if isinstance(step, str) else {"fieldName": step[0], "index": step[1]}
                for step in self.path
            ]
            shown["location"] = {"fieldPathElements": elements}
        if self.details:
            shown["details"] = self.details
        return shown


class Refused(ApiError):
    """A refusal because of faults."""

    def __init__(self, status: int, *faults: Fault) -> None:
        super().__init__(status, STATUSES[status][0], STATUSES[status][1])
        self.body = status_body(status, [failure(*faults)] if faults else [])


def failure(*faults: Fault) -> Document:
    """Return the details that name the faults."""
    return {"@type": FAILURE, "errors": [fault.show() for fault in faults], "requestId": uuid.uuid4().hex[:22]}


def status_body(status: int, details: list[Document], message: str = "") -> Document:
    """Return an error as JSON."""
    name, usual = STATUSES.get(status, ("UNKNOWN", "Unknown error."))
    error: dict[str, Any] = {"code": status, "message": message or usual, "status": name}
    return {"error": {**error, "details": details} if details else error}


def bad_json(place: str, message: str) -> ApiError:
    """Return what the API's front answers to JSON that doesn't fit the message."""
    error = ApiError(400, "INVALID_ARGUMENT", message)
    violation = {"field": place, "description": message}
    details: list[Document] = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    error.body = status_body(400, details, message)
    return error


def quota_fault(seconds: int, name: str = "") -> Fault:
    """Return the fault of too many requests, with the seconds to wait."""
    facts = {"rateScope": "ACCOUNT", "rateName": "Number of operations for basic access", "retryDelay": f"{seconds}s"}
    words = f"Too many requests. Retry in {seconds} seconds."
    return Fault("quotaError", name or "RESOURCE_EXHAUSTED", words, details={"quotaErrorDetails": facts})
