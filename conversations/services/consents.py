"""Record what someone agreed or objected to, also for an address that no contact has yet."""

from datetime import datetime
from typing import Final

from django.db import transaction

from conversations.models import ChannelAccount
from conversations.services.blocks import RECORD
from conversations.services.contacts import point_index
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Invalid
from core.models import Consent
from core.reach import ledger
from core.reach.verdict import ANY, STOPPABLE

CHANNELS: Final = (ANY, *ChannelAccount.Kind.values)


def record_consent(
    *,
    actor: Actor,
    address: str,
    purpose: str,
    state: str,
    kind: str = "",
    channel: str = ANY,
    at: datetime | None = None,
    now: datetime | None = None,
) -> Consent:
    """Record a consent or an opt-out and return its line of the ledger.

    The newest by `at` counts. A repeat returns the line that counts already. `kind` is that of the address, "email"
    or "phone" by default. Needs `core.record_consent`; raises `Invalid` with the fields. Writes `CONSENT_RECORDED`.
    """
    actor.require(RECORD)
    moment = now or clock_now()
    wrong: dict[str, list[str]] = {}
    if channel not in CHANNELS:
        wrong["channel"] = ["Choose a channel, or “any”."]
    if purpose not in STOPPABLE:
        wrong["purpose"] = ["Choose reply, service, notice or marketing."]
    if state not in ledger.OF_A_PURPOSE:
        wrong["state"] = ["Choose given or withdrawn."]
    if at is not None and at > moment:
        wrong["at"] = ["This is in the future."]
    if wrong:
        raise Invalid("This consent can't be recorded.", fields=wrong)
    try:
        index = point_index(kind or ("email" if "@" in address else "phone"), address)
    except Invalid:
        raise Invalid("This isn't an address.", fields={"address": ["Enter an email address or a number."]}) from None
    with transaction.atomic():
        added = ledger.add_lines(
            address_index=index,
            channel=channel,
            state=state,
            source=ledger.source_of(actor),
            purposes=[purpose],
            recorded_by=actor.user_id,
            at=at or moment,
        )
        if not added:
            known = Consent.objects.filter(address_index=index, channel=channel, purpose=purpose, state=state)
            newest: Consent = known.order_by("-at", "-id")[0]
            return newest
        _record(actor, added[0])
    return added[0]


def _record(actor: Actor, line: Consent) -> None:
    facts = {"channel": line.channel, "purpose": line.purpose, "state": str(line.state), "at": line.at.isoformat()}
    chain.record(actor=actor, action="CONSENT_RECORDED", object_type="core.consent", object_id=line.pk, facts=facts)
