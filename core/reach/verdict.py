"""The verdict about one message to one address (pure): allowed, as a template, later, or refused with a reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal

ADDRESS_COLUMN: Final = "conversations_contactpoint.value"
"""The column that blind indexes of addresses are bound to: the ledger and contact points share them."""
ANY: Final = "any"
"""The channel of an entry that counts on every channel."""
MARKETING: Final = "marketing"
ACCOUNT: Final = "account"
STOPPABLE: Final = ("reply", "service", "notice", MARKETING)
"""The purposes that a person can object to. Sign-in, reset and invitation mails (`account`) always leave."""
OPTED_OUT: Final = "opted_out"
UNREACHABLE: Final = "unreachable"
BLOCKED: Final = "blocked"
WINDOW_CLOSED: Final = "window_closed"
NO_CONSENT: Final = "no_consent"
LIMIT: Final = "limit"
DAYS_AHEAD: Final = 30
"""How far ahead a message waits for a day with room; after that it's refused."""

Kind = Literal["allowed", "as_template", "wait", "refused"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may happen to a message; `until` is set for `wait`, `reason` for `wait` and `refused`."""

    kind: Kind
    reason: str = ""
    until: datetime | None = None

    @property
    def may_leave(self) -> bool:
        """Return True if it may be sent now."""
        return self.kind in ("allowed", "as_template")


ALLOWED: Final = Verdict("allowed")
AS_TEMPLATE: Final = Verdict("as_template")


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """The rules of a channel that matter here.

    `reply_window`: how long after the person wrote free text may be sent. `has_template`: a template can be sent
    outside of it. `is_passive`: nothing rings at the person's side, so that quiet hours and limits mean nothing.
    """

    channel: str
    reply_window: timedelta | None = None
    has_template: bool = False
    is_passive: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One message that someone wants to send.

    `confirms_wish`: the one confirmation of an opt-out. `is_counted`: it has its place within the limits.
    """

    rules: ChannelRules
    purpose: str
    is_template: bool = False
    confirms_wish: bool = False
    is_counted: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; `order` decides between two of the same moment, and a consent may have an end."""

    channel: str
    purpose: str
    state: str
    at: datetime
    order: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """An organisation's rules for messages that nobody asked for; 0 is no limit, quiet hours need both times."""

    zone: tzinfo = UTC
    quiet_from: time | None = None
    quiet_until: time | None = None
    per_contact: int = 3
    per_day: int = 0
    needs_consent: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored about an address: its lines of the ledger, when its owner last wrote here, and what was sent.

    `others` are the lines of the person's other addresses, one sequence each: what they said from any of them, and a
    block of any, counts for all; whether an address can be reached is its own matter. The numbers are of marketing
    messages by day, to this person and by the whole organisation.
    """

    entries: Sequence[Entry] = ()
    others: Sequence[Sequence[Entry]] = ()
    wrote_at: datetime | None = None
    policy: Policy = field(default_factory=Policy)
    sent_to_contact: Mapping[date, int] = field(default_factory=dict)
    sent_by_tenant: Mapping[date, int] = field(default_factory=dict)


def verdict(question: Question, facts: Known, now: datetime) -> Verdict:
    """Return whether a message may be sent to an address, how, and when; nothing waits that would be refused then."""
    if question.purpose == ACCOUNT or question.confirms_wish:
        return ALLOWED
    rules = question.rules
    is_closed = rules.reply_window is not None and not is_open(facts.wrote_at, rules.reply_window, now)
    reason = (
        (BLOCKED if any(is_blocked(rows, rules.channel) for rows in (facts.entries, *facts.others)) else "")
        or _objection(question, facts)
        or (UNREACHABLE if is_unreachable(facts.entries, rules.channel, facts.wrote_at) else "")
    )
    if not reason and is_closed and not (question.is_template or rules.has_template):
        reason = WINDOW_CLOSED
    if reason:
        return Verdict("refused", reason)
    if question.purpose == MARKETING and not rules.is_passive:
        later = _first_moment(question, facts, now)
        if later is None:
            return Verdict("refused", LIMIT)
        if later > now:
            return Verdict("wait", "quiet" if later == after_quiet_hours(facts.policy, now) else LIMIT, later)
    return AS_TEMPLATE if is_closed or question.is_template else ALLOWED


def is_open(wrote_at: datetime | None, window: timedelta, now: datetime) -> bool:
    """Return True while free text may be sent: 23:59:59 after they wrote it is, 24:00:00 after it isn't."""
    return wrote_at is not None and now - wrote_at < window


def latest(entries: Iterable[Entry], channels: Iterable[str], states: Sequence[str], purpose: str = "") -> Entry | None:
    """Return the newest line with one of these states on one of these channels."""
    wanted = set(channels)
    fitting = (row for row in entries if row.channel in wanted and row.state in states and row.purpose == purpose)
    return max(fitting, key=lambda row: (row.at, row.order), default=None)


def is_blocked(entries: Sequence[Entry], channel: str) -> bool:
    """Return True if a colleague blocked the address, here or everywhere."""
    return any(
        found is not None and found.state == "blocked"
        for found in (latest(entries, (place,), ("blocked", "unblocked")) for place in {channel, ANY})
    )


def has_objected(entries: Sequence[Entry], channel: str, purpose: str) -> bool:
    """Return True if the person's newest wish for this purpose is that nothing comes here."""
    found = latest(entries, (channel, ANY), ("given", "withdrawn"), purpose)
    return found is not None and found.state == "withdrawn"


def is_unreachable(entries: Sequence[Entry], channel: str, wrote_at: datetime | None) -> bool:
    """Return True if the provider can't reach the address; writing since then ends it, and so does a colleague."""
    found = latest(entries, (channel, ANY), ("unreachable", "reachable"))
    return found is not None and found.state == "unreachable" and (wrote_at is None or wrote_at <= found.at)


def _objection(question: Question, facts: Known) -> str:
    """Return why the person doesn't want this message; an objection to marketing counts on every channel."""
    entries = [row for rows in (facts.entries, *facts.others) for row in rows]
    channel, purpose = question.rules.channel, question.purpose
    if purpose != MARKETING:
        return OPTED_OUT if has_objected(entries, channel, purpose) else ""
    places = {channel, *(row.channel for row in entries)}
    if any(has_objected(entries, place, MARKETING) for place in places):
        return OPTED_OUT
    given = latest(entries, (channel, ANY), ("given",), MARKETING)
    return NO_CONSENT if facts.policy.needs_consent and given is None else ""


def _first_moment(question: Question, facts: Known, now: datetime) -> datetime | None:
    """Return the first moment outside quiet hours on a day with room, or None if there is none soon."""
    policy = facts.policy
    moment = after_quiet_hours(policy, now)
    for _ in range(DAYS_AHEAD):
        day = local_day(policy, moment)
        has_room = (not policy.per_contact or facts.sent_to_contact.get(day, 0) < policy.per_contact) and (
            not policy.per_day or facts.sent_by_tenant.get(day, 0) < policy.per_day
        )
        if question.is_counted or has_room:
            return moment
        wall = datetime.combine(local_day(policy, moment) + timedelta(days=1), time())
        moment = after_quiet_hours(policy, _moment_of(wall, policy.zone, moment))
    return None


def local_day(policy: Policy, moment: datetime) -> date:
    """Return the organisation's day, by which messages are counted."""
    return moment.astimezone(policy.zone).date()


def after_quiet_hours(policy: Policy, moment: datetime) -> datetime:
    """Return the moment itself, or the end of the quiet hours it is in."""
    begin, end = policy.quiet_from, policy.quiet_until
    if begin is None or end is None:
        return moment
    local = moment.astimezone(policy.zone).replace(tzinfo=None)
    at = local.time()
    is_quiet = begin <= at < end if begin < end else at >= begin or at < end
    if not is_quiet:
        return moment
    wall = datetime.combine(local.date(), end)
    found = _moment_of(wall if wall > local else wall + timedelta(days=1), policy.zone, moment)
    is_skipped = found.astimezone(policy.zone).time() != end
    # Where clocks go forward over the end of the quiet hours, the time after it may be quiet again.
    return after_quiet_hours(policy, found) if is_skipped else found


def _moment_of(wall: datetime, zone: tzinfo, moment: datetime) -> datetime:
    """Return a local time as a moment after another; where clocks go back, the first that is."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    return first if first > moment else wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
