"""Record what someone agreed or objected to, also for an address that no contact has yet."""

from datetime import datetime
from typing import Unpack, cast

from django.db import transaction

from conversations.contacts.blocks import RECORD
from conversations.contacts.contacts import point_index, together_with
from conversations.events import stream_events
from conversations.models import ContactPoint
from core.actors import Actor
from core.audit import chain
from core.clock import now as clock_now
from core.errors import Conflict, Invalid
from core.models import Consent
from core.reach import channels, consent_texts, ledger
from core.reach.ledger import Proof
from core.reach.verdict import ANY, STOPPABLE


def record_consent(
    *,
    actor: Actor,
    address: str,
    state: str,
    purpose: str = "",
    kind: str = "",
    channel: str = ANY,
    at: datetime | None = None,
    **proof: Unpack[Proof],
) -> Consent:
    """Record a consent or an opt-out and return its line of the ledger.

    Or that an address works again: "reachable" ends what a provider reported, for every purpose; the other states need
    one. The newest by `at` counts. A repeat returns the line that counts already, unless it brings a `proof`, which
    only a consent has. `kind` is that of the address, "email" or "phone" by default. Needs `core.record_consent`;
    raises `Invalid` with the fields, and `Conflict` ("is_reachable") for an address that no provider gave up. Writes
    `CONSENT_RECORDED`.
    """
    actor.require(RECORD)
    moment = clock_now()
    wrong: dict[str, list[str]] = {}
    if channel not in (ANY, *dict(channels.kinds())):
        wrong["channel"] = ["Choose a channel, or “any”."]
    if state not in ledger.RECORDED:
        wrong["state"] = ["Choose given, withdrawn or reachable."]
    purpose = "" if state == Consent.State.REACHABLE else purpose
    if state in ledger.OF_A_PURPOSE and purpose not in STOPPABLE:
        wrong["purpose"] = ["Choose reply, service, notice or marketing."]
    if at is not None and at > moment:
        wrong["at"] = ["This is in the future."]
    wrong |= consent_texts.proof_problems(proof, state=state, purpose=purpose, at=at or moment)
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
            others=together_with(index),
            proof=cast(Proof, {name: value for name, value in proof.items() if value}),
        )
        if not added:
            known = Consent.objects.filter(address_index=index, channel=channel, purpose=purpose, state=state)
            newest: Consent | None = known.order_by("-at", "-id").first()
            if newest is None:
                problem = "No provider reported that this address isn't reachable on this channel."
                raise Conflict(problem, code="is_reachable")
            return newest
        line = added[0]
        owner = ContactPoint.objects.filter(value_index=index).values_list("contact_id", flat=True).first()
        if owner is not None:
            stream_events.append_contact_changed(owner)
        facts = {"channel": line.channel, "purpose": line.purpose, "state": str(line.state), "at": line.at.isoformat()}
        facts |= {name: str(value) for name in ("wording_id", "expires_at") if (value := getattr(line, name))}
        chain.note(actor, "CONSENT_RECORDED", line, **facts)
    return line
