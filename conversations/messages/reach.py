"""Ask the gate about a message of a conversation: which address it goes to, how and when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from conversations import registry
from conversations.channel_accounts.templates import USE, has_template, list_templates
from conversations.contacts.blocks import CONFIRMS_WISH
from conversations.contacts.contacts import point_index
from conversations.mediums import Email
from conversations.models import ChannelAccount, ContactPoint, Conversation, Message, MessageTemplate
from conversations.types import PointKind, SenderIdentity, Transport
from core.errors import NotFound
from core.models import Consent
from core.reach import gate
from core.reach.verdict import ALLOWED, MARKETING, WINDOW_CLOSED, ChannelRules, Entry, Question, Verdict

AS_TEMPLATE: Final = "as_template"
"""Marks a message that its writer wants to send as a template."""
NO_ADDRESS: Final = Verdict("refused", "no_address")
ORDER: Final = ("allowed", "as_template", "wait", "refused")


@dataclass(frozen=True, slots=True)
class Way:
    """The address that a message goes to, if there is one, and the verdict about it."""

    verdict: Verdict
    point: ContactPoint | None = None


@dataclass(frozen=True, slots=True)
class Addresses:
    """All addresses of a contact, and the newest lines of the ledger about each."""

    points: Sequence[ContactPoint]
    lines: Mapping[str, Sequence[Entry]]


@dataclass(frozen=True, slots=True)
class Reachability:
    """Whether a colleague can reply: the verdict, the end of the reply window, the templates for outside of it."""

    verdict: Verdict
    window_ends_at: datetime | None = None
    has_window: bool = False
    templates: tuple[MessageTemplate, ...] = ()

    @property
    def can_reply(self) -> bool:
        """Return True if free text can be sent now."""
        return self.verdict.kind == "allowed"

    @property
    def can_send_template(self) -> bool:
        """Return True if a template can be sent now."""
        return bool(self.templates) and self.verdict.may_leave

    @property
    def refusal(self) -> str:
        """Return why free text can't be sent now, as a code; "" if it can."""
        return "" if self.can_reply else self.verdict.reason or WINDOW_CLOSED


def rules_of(account: ChannelAccount, transport: type[Transport], use: str) -> ChannelRules:
    window = transport.medium.window
    return ChannelRules(
        channel=account.kind,
        reply_window=window,
        has_template=window is not None and has_template(account, use=use),
        is_passive=transport.instant,
    )


def use_of(message: Message) -> str:
    """Return what a template is sent for in a message's stead: a person's text reopens the conversation."""
    is_person = message.sender_type == Message.Sender.PERSON
    return str(message.metadata.get(USE) or (MessageTemplate.Use.REOPENING if is_person else ""))


def question_of(message: Message, rules: ChannelRules) -> Question:
    """Return what the gate is asked about a message."""
    return Question(
        rules=rules,
        purpose=message.purpose,
        is_template=bool(message.metadata.get(AS_TEMPLATE)),
        confirms_wish=message.sender_type == Message.Sender.SYSTEM and bool(message.metadata.get(CONFIRMS_WISH)),
    )


def find_way(message: Message, account: ChannelAccount, conversation: Conversation, now: datetime) -> Way:
    """Judge a stored message right before it is sent: the best address that it may go to.

    Adds two queries to the one that reads the addresses. Raises `NotFound` for a channel without a transport.
    """
    transport = registry.transport_for(account.kind, account.provider)
    question = replace(question_of(message, rules_of(account, transport, use_of(message))), is_counted=True)
    fitting, others = _points(conversation, transport.medium.recipient_kinds, every=message.purpose == MARKETING)
    if not fitting:
        return Way(NO_ADDRESS)
    found = gate.judge(question, _indexes(fitting), line=account.pk, others=others, now=now)
    best = _best(fitting, found.verdicts)
    return Way(found.verdicts[best.value_index], best)


def addresses_of(message: Message) -> list[str]:
    """Return the indexes of the contact's addresses whose wishes count for an email, its own among them."""
    fitting, others = _points(message.conversation, Email.recipient_kinds, every=message.purpose == MARKETING)
    return [*_indexes(fitting), *others]


def judge_new(message: Message, conversation: Conversation, now: datetime) -> Verdict:
    """Judge a message before it is stored, and take its place within the limits; in the caller's transaction."""
    account = conversation.channel_account
    try:
        transport = registry.transport_for(account.kind, account.provider)
    except NotFound:
        # The row waits for a process with the transport, where it's judged before it's sent.
        return ALLOWED
    is_marketing = message.purpose == MARKETING
    addresses = ContactPoint.objects.filter(contact_id=conversation.contact_id).values("value_index")
    said = Consent.objects.filter(address_index__in=addresses)
    if transport.instant and not is_marketing and not said.exists():
        return ALLOWED  # the usual case of web chat, in one query
    question = question_of(message, rules_of(account, transport, use_of(message)))
    fitting, others = _points(conversation, transport.medium.recipient_kinds, every=is_marketing)
    if not fitting:
        return NO_ADDRESS
    found = gate.judge(question, _indexes(fitting), line=account.pk, others=others, now=now)
    best = _best(fitting, found.verdicts).value_index
    if not is_marketing:
        return found.verdicts[best]
    others = [index for index in (*_indexes(fitting), *others) if index != best]
    return gate.take_place(question, best, line=account.pk, others=others, now=now)


def judge_reply(
    conversation: Conversation, now: datetime | None = None, *, read: Addresses | None = None
) -> Reachability:
    """Return whether a colleague can reply in a conversation, how, and until when; by what was read, if given."""
    account = conversation.channel_account
    try:
        transport = registry.transport_for(account.kind, account.provider)
    except NotFound:
        return Reachability(ALLOWED)
    rules = rules_of(account, transport, MessageTemplate.Use.REOPENING)
    kinds = transport.medium.recipient_kinds
    fitting = _fitting(conversation, kinds, read.points) if read else _points(conversation, kinds)[0]
    if not fitting:
        return Reachability(NO_ADDRESS)
    question = Question(rules=rules, purpose=Consent.Purpose.REPLY)
    lines = read.lines if read else None
    found = gate.judge(question, _indexes(fitting), line=account.pk, now=now, lines=lines)
    best = found.verdicts[_best(fitting, found.verdicts).value_index]
    until = found.wrote_at + rules.reply_window if found.wrote_at and rules.reply_window else None
    is_offered = rules.has_template and best.kind == "as_template"
    use = MessageTemplate.Use.REOPENING
    offered = tuple(list_templates(account, use, conversation.contact.language)) if is_offered else ()
    return Reachability(best, until, rules.reply_window is not None, offered)


def require_wanted(*, sender: SenderIdentity, channel: str) -> None:
    """Ask the gate about an address outside of any conversation.

    Raises `gate.NotReachable` with the reason."""
    index = point_index(sender.kind, sender.value)
    found = gate.judge_one(Question(rules=ChannelRules(channel), purpose=Consent.Purpose.SERVICE), index)
    if found.kind == "refused":
        raise gate.refusal(found.reason)


def _indexes(points: Sequence[ContactPoint]) -> list[str]:
    return [point.value_index for point in points]


def _best(points: Sequence[ContactPoint], verdicts: Mapping[str, Verdict]) -> ContactPoint:
    return min(points, key=lambda point: ORDER.index(verdicts[point.value_index].kind))


def _points(
    conversation: Conversation, kinds: tuple[PointKind, ...], *, every: bool = False
) -> tuple[list[ContactPoint], list[str]]:
    """Return the points for a channel, the best first, and the indexes of the person's others if `every` counts.

    A conversation that came with a merged contact is answered to that contact's addresses only.
    """
    rows = ContactPoint.objects.filter(contact_id=conversation.contact_id)
    found = list(rows if every else rows.filter(kind__in=kinds, origin_id=conversation.origin_id))
    fitting = _fitting(conversation, kinds, found)
    return fitting, [point.value_index for point in found if point not in fitting]


def _fitting(
    conversation: Conversation, kinds: tuple[PointKind, ...], points: Iterable[ContactPoint]
) -> list[ContactPoint]:
    fitting = [point for point in points if point.kind in kinds and point.origin_id == conversation.origin_id]
    return sorted(fitting, key=lambda point: (kinds.index(point.kind), not point.is_primary))
