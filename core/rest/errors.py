"""Error responses of the API: `{"detail", "code", ...}`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response

from core.audit import refusals
from core.db.roles import explain
from core.errors import Invalid, NotFound, NotSignedIn, Refused, TooLarge, WalkerError
from core.observability.logging import get_logger
from core.rest.authentication import CHALLENGE

log = get_logger(__name__)
AGAIN_IN: Final = 5
"""Seconds after which a client may try again."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CODES: Final[dict[type[exceptions.APIException], str]] = {
    exceptions.ParseError: "parse_error",
    exceptions.NotAuthenticated: "not_authenticated",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "too_many",
}


def problem_answer(problem: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the response to an error, or None for an unexpected one. Called by the framework."""
    if isinstance(problem, exceptions.ValidationError):
        fields: dict[str, list[str]] = {}
        for name, message in _messages(problem.detail, ""):
            fields.setdefault(name or "body", []).append(message)
        return _answer(Invalid("Some values are not valid.", fields=fields))
    if isinstance(problem, exceptions.APIException):
        code = _CODES.get(type(problem)) or str(problem.get_codes())
        headers = {}
        if getattr(problem, "auth_header", ""):
            headers["WWW-Authenticate"] = problem.auth_header  # type: ignore[attr-defined]
        wait = getattr(problem, "wait", None)
        if wait is not None:
            headers["Retry-After"] = str(int(wait))
        return Response({"detail": str(problem.detail), "code": code}, status=problem.status_code, headers=headers)
    ours = _ours(problem)
    if ours is None:
        return None
    _note(ours, context)
    return _answer(ours)


def _note(problem: WalkerError, context: Mapping[str, Any]) -> None:
    """Note a refused attempt on what the view watches; reading is one only where ids are tried out."""
    view, request = context.get("view"), context.get("request")
    watched: refusals.Watched | None = getattr(view, "watched", None)
    if watched is None or request is None or (request.method in _READING and not isinstance(problem, NotFound)):
        return
    ids = [value for value in (context.get("kwargs") or {}).values() if isinstance(value, UUID)]
    refusals.note_refusal(
        watched,
        problem,
        # As the middleware found it: asking the request would authenticate it once more.
        actor=getattr(request._request, "actor", None),
        object_id=ids[0] if ids else None,
        move=str(getattr(view, "action", None) or request.method).lower(),
        channel="api",
    )


def _ours(problem: Exception) -> WalkerError | None:
    if isinstance(problem, WalkerError):
        return problem
    if isinstance(problem, Http404):
        return NotFound()
    if isinstance(problem, PermissionDenied):
        return Refused()
    if isinstance(problem, RequestDataTooBig):
        return TooLarge("The body is too large.")
    if isinstance(problem, SuspiciousOperation | UnreadablePostError):
        return Invalid("The request cannot be read.", code="bad_request")
    if isinstance(problem, DataError):
        # The limits of the column are the last check; only the caller knows which value it was.
        log.warning("value_refused_by_database", exc_info=problem)
        return Invalid("A value is out of range.")
    return explain(problem)


def _answer(problem: WalkerError) -> Response:
    headers = {}
    if problem.status in (429, 503):
        headers["Retry-After"] = str(problem.facts.get("retry_after", AGAIN_IN))
    elif isinstance(problem, NotSignedIn):
        headers["WWW-Authenticate"] = CHALLENGE
    return Response(problem.as_dict(), status=problem.status, headers=headers)


def _messages(detail: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            below = "" if key == "non_field_errors" else str(key)
            yield from _messages(inner, ".".join(part for part in (name, below) if part))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _messages(inner, name)
    else:
        # A message may repeat what was sent, also half a character, which no answer can carry.
        yield _sendable(name), _sendable(str(detail))


def _sendable(text: str) -> str:
    return text.encode(errors="replace").decode()
