"""Whether calls over a connection are paused: by failures, for a minute, or by a person, until they resume them."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from redis.exceptions import RedisError

from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.db.rows import get_row
from core.errors import Conflict, Invalid, Unavailable
from core.reliability.circuit_breaker import Breaker, breaker
from core.text.clean import clean_text
from integrations.calls.answers import CleanFailure
from integrations.calls.rights import MANAGE, MISSING, OBJECT
from integrations.models import ProviderAccount

THRESHOLD: Final = 5
COOL_DOWN: Final = timedelta(seconds=60)
HOUR: Final = timedelta(hours=1)
OPEN: Final = "breaker_open"
BY_HAND: Final = "calls_paused"
AGAIN: Final = 15.0
REASON_LIMIT: Final = 200


def breaker_of(connection: ProviderAccount) -> Breaker:
    """Return the breaker of a tenant's account: five failures in a row open it for a minute, then one call tries."""
    name = f"{connection.provider}:{connection.tenant_id.hex}:{connection.pk.hex}"
    return breaker(name, threshold=THRESHOLD, cool_down=COOL_DOWN, window=HOUR, quiet=HOUR)


def find_pause(connection: ProviderAccount) -> CleanFailure | None:
    """Take the right to make one call; return why none may be made."""
    if connection.paused_at is not None:
        detail = f"Somebody paused calls over {connection.name}."
        return CleanFailure(BY_HAND, detail, retry=True, retry_after=AGAIN, was_called=False)
    try:
        breaker_of(connection).allow()
    except Unavailable:
        detail = f"Calls over {connection.name} failed {THRESHOLD} times in a row and are paused for a minute."
        return CleanFailure(OPEN, detail, retry=True, retry_after=AGAIN, was_called=False)
    return None


def pause_sentence(connection: ProviderAccount) -> str:
    """Return why calls over a connection are paused now, in a sentence for people; "" if they are not."""
    if connection.paused_at is not None:
        return f"Somebody paused calls over {connection.name}: {connection.paused_reason}"
    try:
        state = breaker_of(connection).state().state
    except (RedisError, OSError):
        return ""
    if state == "open":
        return f"{connection.name} didn't answer several times in a row. Walker tries again within a minute."
    return ""


def pause_calls(*, actor: Actor, connection_id: UUID, reason: str) -> ProviderAccount:
    """Pause all calls over a connection until somebody resumes them; approved requests wait.

    Needs `integrations.manage_connection`. Raises Invalid without a reason, NotFound, Conflict. Audited.
    """
    return _switch(actor, connection_id, reason, pauses=True)


def resume_calls(*, actor: Actor, connection_id: UUID, reason: str) -> ProviderAccount:
    """Allow calls over a connection again, also where failures paused them. Needs and raises as `pause_calls`."""
    return _switch(actor, connection_id, reason, pauses=False)


def _switch(actor: Actor, connection_id: UUID, reason: str, *, pauses: bool) -> ProviderAccount:
    actor.require(MANAGE)
    said = clean_text(reason, REASON_LIMIT)
    if not said:
        raise Invalid("Give a reason.", fields={"reason": ["Required."]})
    with transaction.atomic():
        account: ProviderAccount = get_row(ProviderAccount, connection_id, MISSING)
        rows = ProviderAccount.objects.filter(pk=account.pk, paused_at__isnull=pauses)
        account.paused_at, account.paused_reason = (clock_now(), said) if pauses else (None, "")
        guard = breaker_of(account)
        changed = rows.update(paused_at=account.paused_at, paused_reason=account.paused_reason)
        if not changed and (pauses or guard.state().state == "closed"):
            raise Conflict("Calls are paused already." if pauses else "Calls aren't paused.")
        chain.record(
            actor,
            "calls_paused" if pauses else "calls_resumed",
            OBJECT,
            account.pk,
            new_state="paused" if pauses else "active",
            facts={"provider": account.provider, "reason": said},
        )
    if not pauses:
        guard.succeeded()
    return account
