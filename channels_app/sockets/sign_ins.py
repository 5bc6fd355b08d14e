"""Who is signed in by a session: read once for all the pages of a browser, as each page asks again and again."""

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
from channels_app.sockets.thread_pool import unscoped

MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person of a session, and the tenant it works in; None where they are no active member of any."""

    user_id: UUID
    name: str
    tenant_id: UUID | None


@dataclass(frozen=True, slots=True)
class Look:
    """What was found, and when it was asked."""

    at: float
    found: SignedIn | None


def read(session_key: str) -> SignedIn | None:
    """Return who is signed in by a session now, None for nobody. Three queries, outside any tenant's scope."""
    # Load the session each time: the handshake's copy would never notice a sign-out.
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user.func({"session": session})
    if not isinstance(user, User) or not user.is_active:
        return None
    found, wanted = accounts.memberships_of(user.pk), session.get(SESSION_TENANT)
    chosen = next((membership for membership in found if str(membership.tenant_id) == wanted), None)
    membership = chosen or (found[0] if found else None)
    return SignedIn(user.pk, user.get_full_name(), membership.tenant_id if membership else None)


class SignIns:
    """What sessions say, kept for the pages that ask within a moment of one another."""

    def __init__(self) -> None:
        self.looks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Task[Look]]] = WeakKeyDictionary()

    async def of(self, session_key: str, *, younger_than: float) -> Look:
        """Return what was asked less than so many seconds ago, or what is true now. Raises what the database raises."""
        loop = asyncio.get_running_loop()
        looks = self.looks.setdefault(loop, {})
        look = looks.get(session_key)
        if look is None or not younger_than or _is_over(look, younger_than):
            if len(looks) >= MOST:
                looks.clear()
            look = looks[session_key] = loop.create_task(self._look(session_key))
        return await asyncio.shield(look)

    async def _look(self, session_key: str) -> Look:
        at = time.monotonic()
        return Look(at, await unscoped(read, session_key))


def _is_over(look: asyncio.Task[Look], seconds: float) -> bool:
    if not look.done():
        return False
    failed = look.cancelled() or look.exception() is not None
    return failed or time.monotonic() - look.result().at >= seconds


sign_ins = SignIns()
