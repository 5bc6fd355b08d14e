"""Requests signed for Amazon's services (Signature Version 4): its object store and its key service."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

ALGORITHM: Final = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Signer:
    """An access key, and the service and the region in which its requests are made."""

    key_id: str
    secret: str = field(repr=False)
    region: str
    service: str

    def authorization(self, method: str, path: str, headers: Mapping[str, str], moment: datetime) -> str:
        """Return the header that signs a request without query parameters; all given headers are signed."""
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
        request = f"{method}\n{path}\n\n{lines}\n{names}\n{headers['x-amz-content-sha256']}"
        parts = (f"{moment:%Y%m%d}", self.region, self.service, "aws4_request")
        scope = "/".join(parts)
        digest = hashlib.sha256(request.encode()).hexdigest()
        text = f"{ALGORITHM}\n{moment:%Y%m%dT%H%M%SZ}\n{scope}\n{digest}"
        key = f"AWS4{self.secret}".encode()
        for part in parts:
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        return f"{ALGORITHM} Credential={self.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
