"""The quota of an account at its vendor: work in the background takes half of it, people keep the rest."""

from typing import Final

from core.clock import now
from core.reliability.rate_limit import count_or_let_pass
from integrations.calls.answers import CleanFailure
from integrations.models import ProviderAccount

MINUTE: Final = 60
SPENT: Final = "quota_spent"


def take_background_call(connection: ProviderAccount, calls_per_minute: int) -> CleanFailure | None:
    """Count a call of background work; return why it may not be made in this minute. Without Redis it may."""
    seconds = now().timestamp()
    name = f"{connection.tenant_id.hex}:outside_quota:{connection.pk.hex}:{int(seconds // MINUTE)}"
    if count_or_let_pass(name, seconds=2 * MINUTE) <= calls_per_minute // 2:
        return None
    wait = MINUTE - seconds % MINUTE
    detail = "Background work has used its half of the account's quota for this minute."
    return CleanFailure(SPENT, detail, retry=True, retry_after=wait, was_called=False)
