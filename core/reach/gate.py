"""The gate: every message is judged here when it's queued, and again after the claim, right before it is sent."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from core.clock import now as clock_now
from core.errors import Conflict
from core.reach import counts, ledger, windows
from core.reach.policy import current_policy
from core.reach.verdict import (
    ACCOUNT,
    ALLOWED,
    BLOCKED,
    LIMIT,
    MARKETING,
    NO_CONSENT,
    OPTED_OUT,
    UNREACHABLE,
    WINDOW_CLOSED,
    Entry,
    Known,
    Policy,
    Question,
    Verdict,
    is_unreachable,
    local_day,
    verdict,
)

REFUSALS: Final[Mapping[str, str]] = {
    OPTED_OUT: "They opted out of these messages. Contact them another way, or wait until they write START.",
    BLOCKED: "This contact is blocked. Unblock them to write to them again.",
    UNREACHABLE: "Their address can't receive our messages. Contact them another way, wait until they write, or record "
    "under Consents that it's reachable again.",
    WINDOW_CLOSED: "They last wrote more than 24 hours ago. Send a template, wait until they write, or contact them "
    "another way.",
    NO_CONSENT: "They haven't agreed to marketing messages.",
    LIMIT: "The limit of marketing messages is reached for the next 30 days.",
}
TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict for each address, and when their owner last wrote to our number."""

    verdicts: Mapping[str, Verdict]
    wrote_at: datetime | None = None


class NotReachable(Conflict, code="not_reachable"):
    """They can't be written to now."""


def refusal(reason: str, **facts: Any) -> NotReachable:
    """Return the error of a refused message: why, and what to do."""
    return NotReachable(REFUSALS.get(reason, ""), code=reason, **facts)


def judge(
    question: Question,
    addresses: Sequence[str],
    *,
    line: UUID | None = None,
    others: Sequence[str] = (),
    now: datetime | None = None,
    lines: Mapping[str, Sequence[Entry]] | None = None,
) -> Judged:
    """Return the verdict for each address (blind indexes) of one person.

    `line` is our number, None for an email; what they wrote from any of their addresses opens its window. What they
    said from one of the addresses, or of `others` that the message can't go to, counts for all of them. Two queries at
    most for a message that has its place within the limits or needs none, and none for `account`; the rules for
    marketing are one more where this process hasn't read them for `KEEP_SETTINGS_SECONDS`. `lines` are what a page has
    read of the ledger anyway, for these addresses at least.
    """
    if question.purpose == ACCOUNT:
        return Judged(dict.fromkeys(addresses, ALLOWED))
    moment, everywhere = now or clock_now(), list(dict.fromkeys([*addresses, *others]))
    entries = ledger.entries_of(everywhere) if lines is None else lines
    written: Mapping[Any, datetime] = {}
    if line is not None:
        written = windows.last_written(everywhere, [line])
    elif any(is_unreachable(entries[index], question.rules.channel, None) for index in everywhere):
        # An email comes from no number of ours: writing to any of them shows that the address works.
        written = windows.last_written(everywhere, None)
    wrote_at = max(written.values(), default=None)
    is_marketing = question.purpose == MARKETING
    policy = current_policy() if is_marketing else Policy()
    sent: Mapping[str, Any] = {}
    if is_marketing and not question.is_counted:
        sent = counts.sent_on(everywhere, local_day(policy, moment))
    to_contact: Counter[date] = Counter()
    for index in everywhere:
        to_contact.update(sent.get(index, {}))
    found = {
        address: verdict(
            question,
            Known(
                entries=entries[address],
                others=[entries[other] for other in everywhere if other != address],
                wrote_at=wrote_at,
                policy=policy,
                sent_to_contact=to_contact,
                sent_by_tenant=sent.get(counts.TENANT, {}),
            ),
            moment,
        )
        for address in addresses
    }
    return Judged(found, wrote_at)


def judge_one(
    question: Question,
    address: str,
    *,
    line: UUID | None = None,
    others: Sequence[str] = (),
    now: datetime | None = None,
) -> Verdict:
    """Return the verdict for one address."""
    return judge(question, [address], line=line, others=others, now=now).verdicts[address]


def take_place(
    question: Question, address: str, *, line: UUID | None, others: Sequence[str] = (), now: datetime | None = None
) -> Verdict:
    """Return the verdict for a new message and count it on its day, in the caller's transaction.

    Only marketing is counted, to all addresses of the person together; one that waits, on the day it waits for.
    """
    moment = now or clock_now()
    for _ in range(TRIES):
        found = judge_one(question, address, line=line, others=others, now=moment)
        if found.kind == "refused" or question.purpose != MARKETING or question.rules.is_passive:
            return found
        policy = current_policy()
        day = local_day(policy, found.until or moment)
        try:
            counts.take_place(
                indexes=[address, *others], day=day, per_contact=policy.per_contact, per_day=policy.per_day
            )
        except counts.Full:
            continue
        return found
    return Verdict("refused", LIMIT)
