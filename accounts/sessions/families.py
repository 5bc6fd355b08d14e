"""Families of tokens: one for each device that is signed in to the API, its refresh tokens, and its end.

A refresh token is a number in its family, signed with `WALKER_KEYS`. Only the number that counts is stored, so that
nothing in the database is a token, and the same successor can be made again for a client that lost the answer.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db.models import F, Q, QuerySet

from accounts.models import TokenFamily, User
from accounts.sessions import store
from core import retention
from core.audit.chain import network_of
from core.clock import now as clock_now
from core.privacy import signing
from core.privacy.encryption import digest_of_secret
from core.tenancy import lookups
from core.tenancy.scope import current_tenant_id, tenant_scope

REPEAT: Final = timedelta(seconds=10)
"""How long after its use a refresh token still leads to the same successor: its answer may have been lost."""
KEPT: Final = timedelta(days=30)
"""How long a family stays after its end."""
_TOKEN: Final = re.compile(r"([0-9a-f]{32})-([0-9a-f]{32})-([0-9a-f]{32})-(mfa|password)-(\d{1,12})-(\d{1,9})")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a refresh token says: whose it is, how and when they signed in, and its number in the family."""

    tenant_id: UUID
    family_id: UUID
    person_id: UUID
    strength: str
    since: datetime
    number: int = 1

    def token(self) -> str:
        """Return the refresh token: the same each time."""
        ids = (self.tenant_id.hex, self.family_id.hex, self.person_id.hex)
        return _signer().sign("-".join((*ids, self.strength, str(int(self.since.timestamp())), str(self.number))))


def read(token: str) -> Grant | None:
    """Return what a refresh token says, None if this installation didn't sign it. No query."""
    try:
        match = _TOKEN.fullmatch(_signer().unsign(token))
    except BadSignature:
        return None
    if match is None:
        return None
    since = datetime.fromtimestamp(int(match[5]), UTC)
    return Grant(UUID(match[1]), UUID(match[2]), UUID(match[3]), match[4], since, int(match[6]))


def begin(*, user: User, strength: str, address: str, user_agent: str, now: datetime | None = None) -> Grant:
    """Begin a family for a person who has just signed in, in the tenant in scope; for services that checked that."""
    since = (now or clock_now()).replace(microsecond=0)
    row = TokenFamily.objects.create(
        user=user,
        device=device_of(user_agent),
        network=network_of(address),
        proof=digest_of_secret(user.get_session_auth_hash()),
        created_at=since,
        used_at=since,
        expires_at=_end_of(since, since),
    )
    return Grant(current_tenant_id(), row.pk, user.pk, strength, since)


def is_new(person_id: UUID, *, address: str, user_agent: str) -> bool:
    """Return True for an app that the person never used from this network, in the tenant in scope. One query."""
    of_person = TokenFamily.objects.filter(user_id=person_id)
    return not of_person.filter(device=device_of(user_agent), network=network_of(address)).exists()


def device_of(user_agent: str) -> str:
    """Return the system of an app, such as "Firefox on Windows". Nothing that the app wrote is in it."""
    return store.device_of(user_agent).replace(store.UNKNOWN, "An app")


def find_open(family_id: UUID, person_id: UUID, *, now: datetime | None = None) -> TokenFamily | None:
    """Return a person's family that neither ended nor expired, unless the password has changed. One query."""
    family = _open(person_id, now or clock_now()).select_related("user").filter(pk=family_id).first()
    return family if family is not None and family.proof in _proofs(family.user) else None


def list_open(user: User, *, now: datetime | None = None) -> list[TokenFamily]:
    """Return a person's families that still let them in, in the tenant in scope. One query."""
    proofs = _proofs(user)
    return [family for family in _open(user.pk, now or clock_now()) if family.proof in proofs]


def advance(grant: Grant, *, now: datetime) -> Grant | None:
    """Use a refresh token of an open family and return what its successor says; None if it was used before.

    Of many at once one takes the number; the others, and repetitions within `REPEAT`, get the same successor.
    """
    following, family = replace(grant, number=grant.number + 1), _open(grant.person_id, now).filter(pk=grant.family_id)
    taken = {"number": F("number") + 1, "used_at": now, "expires_at": _end_of(now, grant.since)}
    if family.filter(number=grant.number).update(**taken):
        return following
    row = family.first()
    return following if row is not None and is_fresh(grant, row, now=now) else None


def is_fresh(grant: Grant, family: TokenFamily, *, now: datetime) -> bool:
    """Return True for a refresh token that counts, or counted until a moment ago."""
    return grant.number == family.number or (grant.number + 1 == family.number and family.used_at >= now - REPEAT)


def end(person_id: UUID, why: str, *, family_id: UUID | None = None) -> int:
    """End one family of a person, or all, in the tenant in scope; return how many had not ended.

    Their open sockets close at once. For services that have checked permissions, in their transaction.
    """
    moment, standing = clock_now(), TokenFamily.objects.filter(user_id=person_id, ended_at=None)
    chosen = standing.filter(pk=family_id) if family_id else standing
    ended = chosen.update(ended_at=moment, expires_at=moment, ended_why=why)
    if ended:
        store.check_pages(person_id)
    return ended


def end_surplus(user: User, *, newest: UUID) -> list[UUID]:
    """End the devices of a person beyond `TOKEN_DEVICES`, in the tenant in scope; return which.

    Those that were unused for longest go, and the newest stays. For services that hold the membership, in their
    transaction.
    """
    others = [family for family in list_open(user) if family.pk != newest]
    others.sort(key=lambda family: (family.used_at, family.pk), reverse=True)
    surplus = [family.pk for family in others[settings.TOKEN_DEVICES - 1 :]]
    return [key for key in surplus if end(user.pk, TokenFamily.End.TOO_MANY, family_id=key)]


def end_everywhere(user_id: UUID, why: str) -> int:
    """End all families of a person in all their tenants; return how many. For services with the right."""
    ended = 0
    for tenant_id in sorted(row["tenant_id"] for row in lookups.find("memberships", str(user_id))):
        with tenant_scope(tenant_id):
            ended += end(user_id, why)
    return ended


def purge(*, now: datetime | None = None) -> int:
    """Delete families that ended or expired long ago; return how many. For the sweep."""
    return retention.remove(TokenFamily, Q(expires_at__lt=(now or clock_now()) - KEPT))


def _signer() -> Signer:
    return signing.signer("refresh-token", salt="walker.refresh-token")


def _open(person_id: UUID, moment: datetime) -> QuerySet[TokenFamily]:
    return TokenFamily.objects.filter(user_id=person_id, ended_at=None, expires_at__gt=moment)


def _end_of(moment: datetime, since: datetime) -> datetime:
    unused, at_most = settings.TOKEN_DAYS
    return min(moment + timedelta(days=unused), since + timedelta(days=at_most))


def _proofs(user: User) -> set[str]:
    """Return what a family has that was begun with the password of now, also by an older SECRET_KEY."""
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return {digest_of_secret(one) for one in hashes}
