"""Signed addresses by which a provider fetches one file of one message, for minutes."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.models import Tenant
from conversations.messages.files.names import wire_name
from conversations.services import transports
from core.clock import now
from core.errors import Conflict, NotFound, Unavailable
from core.privacy.signing import signer
from core.tenancy.models import tenant_scope
from core.tenancy.scope import current_tenant_id

LIFE: Final = timedelta(minutes=10)
PURPOSE: Final = "file-link"
SALT: Final = "walker.file_link"
TOKEN_LIMIT: Final = 600


def make_link(*, message_id: UUID, attachment_id: UUID) -> str:
    """Return the address of one file for ten minutes; only ids are in it."""
    claims = {
        "t": current_tenant_id().hex,
        "m": message_id.hex,
        "a": attachment_id.hex,
        "x": int((now() + LIFE).timestamp()),
    }
    return f"{settings.PUBLIC_URL}{reverse('channel_file', args=[signer(PURPOSE, salt=SALT).sign_object(claims)])}"


@require_safe
def channel_file(request: HttpRequest, token: str) -> HttpResponse:
    """Serve one file of one message to a provider: 404 for addresses not ours, expired or erased. No list, no range."""
    try:
        if len(token) > TOKEN_LIMIT:
            raise NotFound
        claims: dict[str, Any] = signer(PURPOSE, salt=SALT).unsign_object(token)
        if int(claims["x"]) <= now().timestamp():
            raise NotFound
        with tenant_scope(UUID(claims["t"])):
            if not Tenant.objects.filter(pk=UUID(claims["t"]), is_active=True).exists():
                raise NotFound
            file = transports.read_outgoing_file(message_id=UUID(claims["m"]), attachment_id=UUID(claims["a"]))
    except (signing.BadSignature, ValueError, KeyError, TypeError, NotFound, Conflict) as problem:
        raise Http404 from problem
    except Unavailable:
        return HttpResponse(status=503, headers={"Retry-After": "5", "Cache-Control": "no-store"})
    # Under its own type, which Twilio compares with the bytes, and a name in plain letters.
    answer = HttpResponse(file.content, content_type=file.content_type)
    answer["Content-Length"] = str(len(file.content))
    answer["Content-Disposition"] = f'inline; filename="{wire_name(file.filename, file.content_type)}"'
    answer["Accept-Ranges"] = "none"
    answer["Cache-Control"] = "private, no-store"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["X-Robots-Tag"] = "noindex"
    return answer
