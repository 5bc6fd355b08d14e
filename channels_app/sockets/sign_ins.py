"""Who is signed in by a session or a device: read once for all pages of a browser, as each asks again and again."""

import asyncio
import time
from dataclasses import dataclass
from importlib import import_module
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

from channels.auth import get_user
from django.conf import settings

from accounts import selectors as accounts
from accounts.middleware import SESSION_TENANT
from accounts.models import User
from accounts.tokens import access
from channels_app.sockets.thread_pool import unscoped
from core.errors import Refused
from core.tenancy.scope import tenant_scope

MOST: Final = 10_000
Key = str | access.AccessToken
"""A session's key, or what the access token of a device says."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person of a session or a device, and the tenant it works in; None where they are no active member of any."""

    user_id: UUID
    name: str
    tenant_id: UUID | None


@dataclass(frozen=True, slots=True)
class Look:
    """What was found, and when it was asked."""

    at: float
    found: SignedIn | None


def read(session_key: str) -> SignedIn | None:
    """Return who is signed in by a session now, None for nobody. Up to four queries, outside any tenant's scope."""
    # Load the session each time: the handshake's copy would never notice a sign-out.
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user.func({"session": session})
    if not isinstance(user, User) or not user.is_active:
        return None
    found, wanted = accounts.memberships_opened_by(session, user.pk), session.get(SESSION_TENANT)
    if found is None:
        return None
    chosen = next((membership for membership in found if str(membership.tenant_id) == wanted), None)
    membership = chosen or (found[0] if found else None)
    if membership and accounts.lacks_factor(session, user.pk, membership):
        membership = None
    return SignedIn(user.pk, user.get_full_name(), membership.tenant_id if membership else None)


def read_device(token: access.AccessToken) -> SignedIn | None:
    """Return who is signed in on a device now, None for nobody. Three queries, outside any tenant's scope."""
    with tenant_scope(token.tenant_id):
        try:
            access.actor_of_token(token)
        except Refused:
            return None
        return SignedIn(token.person_id, User.objects.get(pk=token.person_id).get_full_name(), token.tenant_id)


class SignIns:
    """What sessions and devices say, kept for the pages that ask within a moment of one another."""

    def __init__(self) -> None:
        self.looks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Key, asyncio.Task[Look]]] = WeakKeyDictionary()

    async def of(self, key: Key, *, younger_than: float) -> Look:
        """Return what was asked less than so many seconds ago, or what is true now. Raises what the database raises."""
        loop = asyncio.get_running_loop()
        looks = self.looks.setdefault(loop, {})
        look = looks.get(key)
        if look is None or not younger_than or _is_over(look, younger_than):
            if len(looks) >= MOST:
                looks.clear()
            look = looks[key] = loop.create_task(self._look(key))
        return await asyncio.shield(look)

    async def _look(self, key: Key) -> Look:
        at = time.monotonic()
        found = unscoped(read, key) if isinstance(key, str) else unscoped(read_device, key)
        return Look(at, await found)


def _is_over(look: asyncio.Task[Look], seconds: float) -> bool:
    if not look.done():
        return False
    failed = look.cancelled() or look.exception() is not None
    return failed or time.monotonic() - look.result().at >= seconds


sign_ins = SignIns()
