"""What an auditor needs besides the evidence: public keys and the verifier. Nothing of a tenant is in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from pathlib import Path

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
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


def packed(request: HttpRequest, export: EvidenceExport, parts: Iterator[bytes]) -> StreamingHttpResponse:
    """Return the file of a period as a response that a browser saves, part by part."""
    name = f"walker-evidence-{export.since:%Y-%m-%d}-{export.until:%Y-%m-%d}.jsonl.gz"
    return streamed(request, parts, "application/gzip", name)


def streamed(request: HttpRequest, parts: Iterator[bytes], content_type: str, name: str) -> StreamingHttpResponse:
    """Return a file as a response that a browser saves; each part is read when the one before was sent."""
    tenant_id = current_tenant_id()

    def read() -> bytes | None:
        # The response is sent after the request has left its scope.
        with tenant_scope(tenant_id):
            return next(parts, None)

    async def read_all() -> AsyncIterator[bytes]:
        while (part := await sync_to_async(read)()) is not None:
            yield part

    content = read_all() if isinstance(request, ASGIRequest) else iter(read, None)
    answer = StreamingHttpResponse(content, content_type=content_type)
    _guard(answer, name)
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
