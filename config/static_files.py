"""Static files as they are served, under names with their hash and packed beforehand, and packing of pages."""

from typing import Any

from django.contrib.staticfiles.apps import StaticFilesConfig
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

_SOURCE_MAP = "sourceMappingURL"


class WalkerStaticFilesConfig(StaticFilesConfig):
    """Django's static files app, without files of pages that we do not have: they took most of the time."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "*.map", "rest_framework", "guardian", "redoc"]


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Names each file after its content, so that browsers may keep it for good, with a packed copy beside."""

    # Without what looks for source maps in a file's text; they are not collected.
    patterns = tuple(
        (ending, tuple(one for one in wanted if _SOURCE_MAP not in (one if isinstance(one, str) else one[0])))
        for ending, wanted in CompressedManifestStaticFilesStorage.patterns
    )

    def create_compressor(self, **options: Any) -> Compressor:
        """Pack with gzip only: brotli packs a tenth tighter and takes twenty times as long."""
        return Compressor(**options, use_brotli=False)


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
