"""Serve a file of a message: as a download that a browser never displays, or as a picture that runs nothing."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from conversations.messages.attachments import File
from conversations.messages.files.names import cleaned, safe_name
from core.errors import NotFound
from core.files.kinds import KINDS, PREVIEWED


def download(file: File) -> HttpResponse:
    """Return the file as a response that a browser saves."""
    kind = KINDS.get(file.content_type)
    name = safe_name(file.filename, file.content_type) if kind and file.filename else cleaned(file.filename)
    name = name or f"file.{kind.endings[0] if kind else 'bin'}"
    answer = _locked(HttpResponse(file.content, content_type="application/octet-stream"))
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    return answer


def picture_of(file: File) -> HttpResponse:
    """Return a picture for a page of ours to show. Raises `NotFound` for every other kind."""
    if file.content_type not in PREVIEWED:
        raise NotFound("This file has no preview.")
    answer = _locked(HttpResponse(file.content, content_type=file.content_type))
    answer["Content-Disposition"] = "inline"
    return answer


def _locked(answer: HttpResponse) -> HttpResponse:
    """Forbid guessing the type, running anything, keeping it, and showing it on pages of others."""
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    answer["Cache-Control"] = "no-store"
    return answer
