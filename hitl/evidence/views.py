"""What an auditor needs besides the evidence: public keys and the verifier. Nothing of a tenant is in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from core.privacy import signing
from core.tenancy.scope import current_tenant_id, tenant_scope
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


def packed(export: EvidenceExport, parts: Iterator[bytes]) -> StreamingHttpResponse:
    """Return the file of a period as a response that a browser saves, part by part."""
    tenant_id = current_tenant_id()

    def in_scope() -> Iterator[bytes]:
        # The response is sent after the request has left its scope.
        while True:
            with tenant_scope(tenant_id):
                part = next(parts, None)
            if part is None:
                return
            yield part

    answer = StreamingHttpResponse(in_scope(), content_type="application/gzip")
    _guard(answer, f"walker-evidence-{export.since:%Y-%m-%d}-{export.until:%Y-%m-%d}.jsonl.gz")
    return answer


def download(file: File) -> HttpResponse:
    """Return an exported file as a response that a browser saves and never runs."""
    answer = HttpResponse(file.content, content_type=file.content_type)
    _guard(answer, file.name)
    return answer


def _guard(answer: HttpResponseBase, name: str) -> None:
    """Let a browser save the file under a name, and neither run nor keep it elsewhere."""
    answer["Content-Disposition"] = str(content_disposition_header(as_attachment=True, filename=name))
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
