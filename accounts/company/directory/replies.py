"""Answers to a directory: resources, and errors in the form of SCIM (RFC 7644, 3.12)."""

from typing import Any, Final

from django.http import HttpResponse, JsonResponse

from core.errors import WalkerError

MEDIA: Final = "application/scim+json"
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
KINDS: Final = {"uniqueness": "uniqueness", "invalid": "invalidValue"}
"""Our codes that have a keyword in SCIM."""


def reply(document: dict[str, Any], status: int = 200, *, tag: str = "", location: str = "") -> HttpResponse:
    """Answer with a resource or a list."""
    headers = {name: value for name, value in (("ETag", tag), ("Location", location)) if value}
    return JsonResponse(document, status=status, content_type=MEDIA, headers=headers)


def refusal(status: int, detail: str, *, kind: str = "", headers: dict[str, str] | None = None) -> HttpResponse:
    """Answer with an error; `kind` is one of the keywords of SCIM."""
    document = {"schemas": [ERROR], "status": str(status), "detail": detail, **({"scimType": kind} if kind else {})}
    return JsonResponse(document, status=status, content_type=MEDIA, headers=headers or {})


def refusal_of(problem: WalkerError) -> HttpResponse:
    """Answer with an error of a service, and what is wrong with single values."""
    fields = problem.facts.get("fields") or {}
    words = " ".join(f"{name}: {sentence}" for name, sentences in fields.items() for sentence in sentences)
    status = 412 if problem.code == "stale_version" else problem.status
    return refusal(status, words or problem.detail, kind=KINDS.get(problem.code, ""))
