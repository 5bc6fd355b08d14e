"""Files as responses that a browser saves, sent part by part."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header

from core.tenancy.scope import current_tenant_id, tenant_scope


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
    guard(answer, name)
    return answer


def guard(answer: HttpResponseBase, name: str) -> None:
    """Let a browser save the file under a name, and neither run nor keep it elsewhere."""
    answer["Content-Disposition"] = str(content_disposition_header(as_attachment=True, filename=name))
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Cache-Control"] = "no-store"
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
