"""Send a template to a colleague's own number: the only place that does, because it asks the gate each time."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from accounts.models import User
from channels_app.exchanges import calls
from channels_app.kit.phones.channel import phone_channel_of
from channels_app.kit.phones.failures import note_fault
from conversations import registry
from conversations.models import ChannelAccount, MessageTemplate
from conversations.services import accounts
from conversations.services.transports import point_index
from conversations.types import OutboundTemplate
from core.models import Consent
from core.reach import gate, ledger
from core.reach.verdict import ChannelRules, Question
from integrations.outcomes import Failed, Sent, Unknown

CHANNEL: Final = "whatsapp"
RULES: Final = ChannelRules(CHANNEL, has_template=True)
NOTICE: Final = MessageTemplate.Use.NOTICE
CODE: Final = MessageTemplate.Use.CODE


def own_numbers() -> list[ChannelAccount]:
    """Return the WhatsApp numbers that can send a code and a notice, the oldest first. One query."""
    rows = ChannelAccount.objects.filter(kind=ChannelAccount.Kind.WHATSAPP, is_active=True, paused_at=None)
    return [account for account in rows.order_by("id") if can_send(account, NOTICE) and can_send(account, CODE)]


def can_send(account: ChannelAccount, use: str) -> bool:
    """Return True if a template is chosen for a use. No query."""
    return any((account.template_uses.get(use) or {}).values())


def send_words(
    account: ChannelAccount,
    number: str,
    *,
    person_id: UUID,
    use: str,
    words: Sequence[str],
    language: str = "",
    ref: UUID | None = None,
) -> Sent | Failed | Unknown:
    """Send a template for a use to a colleague's number; outside call.

    The last of the words is what must not be missing, such as a link: a template with fewer variables gets the others
    joined. Reports of the provider come back with `ref`. Asks the gate about the number, and about the email address
    of the colleague, where an opt-out from every channel is recorded. Raises `gate.NotReachable`; a template that
    can't be sent is a failure for good.
    """
    email = User.objects.values_list("email", flat=True).get(pk=person_id)
    indexes = [point_index("phone", number), ledger.index_of_mail(email)]
    question = Question(RULES, Consent.Purpose.NOTICE, is_template=True)
    found = gate.judge(question, indexes, line=account.pk)
    refused = next((one for one in found.verdicts.values() if not one.may_leave), None)
    if refused is not None:
        raise gate.refusal(refused.reason)
    if not can_send(account, use):
        return Failed(accounts.NO_TEMPLATE, permanent=True)
    row = accounts.find_template(account, {accounts.USE: use, accounts.LANGUAGE: language})
    if isinstance(row, str):
        return Failed(row, permanent=True)
    values = fit(words, len(row.variables))
    if not values:
        return Failed(accounts.TOO_FEW, permanent=True)
    filled = OutboundTemplate(
        name=row.name,
        language=row.language,
        provider_id=row.provider_id,
        values=dict(zip(row.variables, values, strict=True)),
    )
    channel = phone_channel_of(account)
    outcome = calls.make(account, use, lambda: channel.send_template(account, number, row=row, filled=filled, ref=ref))
    if not isinstance(outcome, Sent):
        states = registry.template_states(account.kind, account.provider)
        accounts.note_refused(template_id=row.pk, state=states.get(outcome.code, ""))
        note_fault(account_id=account.pk, code=outcome.code, meaning=channel.connect.meaning_of(outcome.code))
    return outcome


def fit(words: Sequence[str], count: int) -> list[str]:
    """Return the words for so many variables: each on its own, or the first ones joined; [] if there are too few."""
    if not 1 <= count <= len(words):
        return []
    lines = [" ".join(word.split()) for word in words]
    first = len(lines) - count + 1
    return [" ".join(lines[:first]), *lines[first:]]
