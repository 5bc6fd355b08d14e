"""What an auditor needs besides the evidence: public keys and the verifier. Nothing of a tenant is in them."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.views.decorators.http import require_safe

from core.privacy import signing
from core.rest.downloads import guard, streamed
from hitl.evidence import verify_evidence
from hitl.evidence.export import File
from hitl.models import EvidenceExport


@require_safe
def public_keys(request: HttpRequest) -> HttpResponse:
    """Return the public keys by which evidence and anchors are verified, the current one last."""
    return JsonResponse({"algorithm": "Ed25519", "keys": [asdict(key) for key in signing.public_keys()]})


@require_safe
def verifier(request: HttpRequest) -> FileResponse:
    """Return the program that verifies evidence."""
    path = Path(verify_evidence.__file__)
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="text/x-python")


def packed(request: HttpRequest, export: EvidenceExport, parts: Iterator[bytes]) -> StreamingHttpResponse:
    """Return the file of a period as a response that a browser saves, part by part."""
    name = f"walker-evidence-{export.since:%Y-%m-%d}-{export.until:%Y-%m-%d}.jsonl.gz"
    return streamed(request, parts, "application/gzip", name)


def download(file: File) -> HttpResponse:
    """Return an exported file as a response that a browser saves and never runs."""
    answer = HttpResponse(file.content, content_type=file.content_type)
    guard(answer, file.name)
    return answer
