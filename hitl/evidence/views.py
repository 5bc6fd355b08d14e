"""What an auditor needs besides the evidence: public keys and the verifier. Nothing of a tenant is in them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from core.privacy import signing
from hitl.evidence import verify_evidence
from hitl.evidence.export import File


@require_safe
def public_keys(request: HttpRequest) -> HttpResponse:
    """Return the public keys by which evidence and anchors are verified, the current one last."""
    return JsonResponse({"algorithm": "Ed25519", "keys": [asdict(key) for key in signing.public_keys()]})


@require_safe
def verifier(request: HttpRequest) -> FileResponse:
    """Return the program that verifies evidence."""
    path = Path(verify_evidence.__file__)
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="text/x-python")


def download(file: File) -> HttpResponse:
    """Return an exported file as a response that a browser saves and never runs."""
    answer = HttpResponse(file.content, content_type=file.content_type)
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=file.name)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return answer
