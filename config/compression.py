"""Compression of pages, where it gives nothing away."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class PageCompressionMiddleware(GZipMiddleware):
    """Packs answers to reading requests with Django's own padding of random length against BREACH.

    The length of a packed page tells of what stands in it when somebody else chooses a part of it and asks again
    and again. Another site can only open our pages, not ask for them in secret (SameSite=Lax), CSRF tokens are
    masked differently each time, and the padding blurs the rest. Answers to forms are never packed: some show a
    new secret, once.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Return the answer, packed when the browser takes that and it is worth it."""
        if request.method != "GET" or response.streaming:
            return response
        return super().process_response(request, response)
