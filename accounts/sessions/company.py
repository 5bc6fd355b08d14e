"""Sessions that an organisation's identity provider began: they open that organisation alone, until they are ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import CompanySession, Identity, IdentityProvider, Membership
from accounts.sessions import store
from core import retention
from core.clock import now as clock_now
from core.privacy.encryption import digest_of_secret
from core.tenancy.scope import tenant_scope

MARK: Final = "company"
"""The session's key for the organisation and the row that it needs; without it no provider began the session."""
WAITING: Final = "company_waiting"
"""The session's key for what a provider said, while the person's own second factor is asked for."""
LIFE: Final = timedelta(hours=12)
"""How long such a session lasts: a provider without back-channel logout can't end it earlier."""


def is_marked(session: SessionBase) -> bool:
    """Return True for a session that a provider began, also after its end."""
    return MARK in session


def find_tenant(session: SessionBase, user_id: UUID) -> UUID | None:
    """Return the organisation that a marked session opens, None once it has ended. One query."""
    try:
        tenant_id, row_id = (UUID(part) for part in session[MARK])
    except (TypeError, ValueError):
        return None
    with tenant_scope(tenant_id):
        is_open = CompanySession.objects.filter(
            pk=row_id, identity__user_id=user_id, created_at__gt=clock_now() - LIFE
        ).exists()
    return tenant_id if is_open else None


def level_of(session: SessionBase) -> str:
    """Return the level that the provider's last answer in its session proved, "mfa" or "key"; "" for no more.

    It counts for `LIFE` from when the provider asked the person, which may be long before the session.
    """
    if not is_marked(session):
        return ""
    said = [proof for proof in store.proofs_of(session) if proof.get("method") == MARK]
    last = said[-1] if said else {}
    is_fresh = last.get("proven_at", 0) > (clock_now() - LIFE).timestamp()
    return str(last["level"]) if is_fresh and last.get("level") in ("mfa", "key") else ""


def waiting_for(identity: Identity, provider: IdentityProvider, sid: str) -> dict[str, str]:
    """Return what `begin` needs of a person that a provider has just proven."""
    return {
        "tenant": identity.tenant_id.hex,
        "identity": identity.pk.hex,
        "provider": provider.pk.hex,
        "sid": digest_of_sid(provider.issuer, sid),
    }


def begin(session: SessionBase, waiting: Mapping[str, str], user_id: UUID) -> bool:
    """Mark the session of a person who is signed in now; False if they, provider or identity are gone meanwhile."""
    tenant_id = UUID(waiting["tenant"])
    with tenant_scope(tenant_id), transaction.atomic():
        # Who is switched off at this moment: their sessions end, and this one isn't begun yet.
        if not Membership.objects.select_for_update(no_key=True).filter(user_id=user_id, is_active=True).first():
            return False
        identity = Identity.objects.select_for_update().filter(pk=waiting["identity"], user_id=user_id).first()
        provider = IdentityProvider.objects.filter(pk=waiting["provider"]).first()
        if identity is None or provider is None or identity.issuer != provider.issuer:
            return False
        Identity.objects.filter(pk=identity.pk).update(used_at=clock_now())
        row = CompanySession.objects.create(
            identity=identity,
            provider=provider,
            sid=waiting["sid"],
            digest=digest_of_secret(session.session_key or ""),
        )
    session[MARK] = [tenant_id.hex, row.pk.hex]
    return True


def end(rows: QuerySet[CompanySession]) -> int:
    """End sessions of the tenant in scope; return how many. Their open pages close at once.

    For services that have checked permissions, in their transaction.
    """
    found = list(rows.select_for_update(of=("self",)).select_related("identity").order_by("pk"))
    for one in found:
        store.end(one.identity.user_id, one.digest)
    CompanySession.objects.filter(pk__in=[one.pk for one in found]).delete()
    return len(found)


def digests_of(user_id: UUID) -> set[str]:
    """Return the digests of the keys of a person's sessions that the provider of the tenant in scope began."""
    return set(CompanySession.objects.filter(identity__user_id=user_id).values_list("digest", flat=True))


def digest_of_sid(issuer: str, sid: Any) -> str:
    """Return the stored form of a session's id at an issuer, "" for none."""
    return digest_of_secret(f"{issuer}\n{sid}") if isinstance(sid, str) and sid else ""


def purge(*, now: datetime | None = None) -> int:
    """Delete rows of sessions that are over; return how many. For the sweep."""
    return retention.remove(CompanySession, Q(created_at__lt=(now or clock_now()) - LIFE))
