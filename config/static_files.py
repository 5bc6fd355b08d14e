"""Static files as they are served: under names with their hash, packed beforehand."""

from typing import Any

from django.contrib.staticfiles.apps import StaticFilesConfig
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

_SOURCE_MAP = "sourceMappingURL"


class WalkerStaticFilesConfig(StaticFilesConfig):
    """Django's static files app, without files of pages that we do not have. Collecting them took most of the time."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "*.map", "rest_framework", "guardian", "redoc"]


class HashedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Names each collected file after its content, with a compressed copy beside.

    Browsers may keep such files for good.
    """

    # Without what looks for source maps in a file's text; they are not collected.
    patterns = tuple(
        (ending, tuple(one for one in wanted if _SOURCE_MAP not in (one if isinstance(one, str) else one[0])))
        for ending, wanted in CompressedManifestStaticFilesStorage.patterns
    )

    def create_compressor(self, **options: Any) -> Compressor:
        """Pack with gzip only: brotli packs a tenth tighter and takes twenty times as long."""
        return Compressor(**options, use_brotli=False)
