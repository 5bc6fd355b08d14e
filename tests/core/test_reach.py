"""The gate's verdict against plain Python: ledger, window and clock in any order, and the rules for marketing."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.models import Consent
from core.reach import ledger
from core.reach.verdict import ANY, ChannelRules, Entry, Known, Policy, Question, Verdict, verdict
from tests.world import World

DAY = timedelta(hours=24)
SECOND = timedelta(seconds=1)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHANNELS = ("whatsapp", "sms", "email")
PURPOSES = ("reply", "service", "notice", "marketing", "account")
MADRID = ZoneInfo("Europe/Madrid")


def ask(
    *entries: Entry, now: datetime = NOON, channel: str = "whatsapp", purpose: str = "reply", **more: Any
) -> Verdict:
    facts = {name: more.pop(name) for name in list(more) if name in Known.__dataclass_fields__}
    rules = {name: more.pop(name) for name in list(more) if name in ChannelRules.__dataclass_fields__}
    question = Question(ChannelRules(channel, **rules), purpose, **more)
    return verdict(question, Known(entries=entries, **facts), now)


class Model:
    """What one would keep on paper about a person with two addresses, and when they last wrote.

    The last word of each matter: of all that they said, of the blocks and lost messages of each address.
    """

    def __init__(self) -> None:
        self.entries: tuple[list[Entry], list[Entry]] = ([], [])
        self.wish: dict[tuple[str, str], tuple[str, int]] = {}
        self.blocked: dict[tuple[int, str], bool] = {}
        self.lost: dict[tuple[int, str], tuple[str, datetime, int]] = {}
        self.wrote_at: datetime | None = None

    def add(self, address: int, channel: str, purpose: str, state: str, at: datetime) -> None:
        named = purpose if state in ("given", "withdrawn") else ""
        number = sum(map(len, self.entries))
        self.entries[address].append(Entry(channel, named, state, at, f"{number:06}"))
        if named:
            self.wish[channel, named] = (state, number)
        elif state in ("unreachable", "reachable"):
            self.lost[address, channel] = (state, at, number)
        else:
            self.blocked[address, channel] = state == "blocked"

    def last_wish(self, channel: str, purpose: str) -> str:
        found = [self.wish[place, purpose] for place in (channel, ANY) if (place, purpose) in self.wish]
        return max(found, key=lambda one: one[1])[0] if found else ""

    def expect(self, address: int, channel: str, purpose: str, now: datetime, template: bool) -> tuple[str, str]:
        if purpose == "account":
            return "allowed", ""
        if any(self.blocked.get((either, place)) for either in (0, 1) for place in (channel, ANY)):
            return "refused", "blocked"
        named = {entry.channel for rows in self.entries for entry in rows}
        places = {channel, *named} if purpose == "marketing" else {channel}
        if "withdrawn" in {self.last_wish(place, purpose) for place in places}:
            return "refused", "opted_out"
        told = [self.lost[address, place] for place in (channel, ANY) if (address, place) in self.lost]
        state, at, _ = max(told, key=lambda one: one[2], default=("", now, 0))
        if state == "unreachable" and (self.wrote_at is None or self.wrote_at <= at):
            return "refused", "unreachable"
        if channel == "whatsapp" and (self.wrote_at is None or (now - self.wrote_at).total_seconds() >= 86400):
            return ("as_template", "") if template else ("refused", "window_closed")
        return "allowed", ""


EVENTS = st.lists(
    st.tuples(
        st.sampled_from((0, 1)),
        st.sampled_from(("given", "withdrawn", "blocked", "unblocked", "unreachable", "reachable", "wrote")),
        st.sampled_from((*CHANNELS, ANY)),
        st.sampled_from(PURPOSES[:-1]),
        st.sampled_from((0, 1, 60, 3600, 86399, 86400)),
    ),
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(EVENTS, st.sampled_from((0, 1, 86398, 86399, 86400, 90000)), st.booleans())
def test_verdict_is_what_a_plain_model_says_after_any_history(
    events: list[tuple[int, str, str, str, int]], later: int, template: bool
) -> None:
    model, now = Model(), NOON
    for address, state, channel, purpose, seconds in events:
        now += timedelta(seconds=seconds)
        if state == "wrote":
            model.wrote_at = now
        else:
            model.add(address, channel, purpose, state, now)
    now += timedelta(seconds=later)
    for channel in CHANNELS:
        for purpose in PURPOSES:
            rules = {"reply_window": DAY, "has_template": template} if channel == "whatsapp" else {}
            for address in (0, 1):
                found = ask(
                    *reversed(model.entries[address]),
                    others=[model.entries[1 - address]],
                    now=now,
                    channel=channel,
                    purpose=purpose,
                    wrote_at=model.wrote_at,
                    **rules,
                )
                assert (found.kind, found.reason) == model.expect(address, channel, purpose, now, template)


@pytest.mark.parametrize(("gap", "kind"), [(DAY - SECOND, "allowed"), (DAY, "refused"), (DAY + SECOND, "refused")])
def test_window_closes_with_the_last_second_of_the_day(gap: timedelta, kind: str) -> None:
    assert ask(wrote_at=NOON - gap, reply_window=DAY).kind == kind


def test_chosen_template_stays_one_while_the_window_is_open() -> None:
    assert ask(wrote_at=NOON, reply_window=DAY, has_template=True, is_template=True).kind == "as_template"


def test_confirmation_of_an_opt_out_leaves_and_nothing_else() -> None:
    stop = [Entry("whatsapp", purpose, "withdrawn", NOON) for purpose in PURPOSES[:-1]]
    assert ask(*stop, confirms_wish=True).kind == "allowed"
    assert {ask(*stop, purpose=purpose).kind for purpose in PURPOSES[:-1]} == {"refused"}


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (datetime(2026, 11, 20, 20, 59, 59, tzinfo=MADRID), None),
        (datetime(2026, 11, 20, 21, 0, tzinfo=MADRID), datetime(2026, 11, 21, 8, 0, tzinfo=MADRID)),
        (datetime(2026, 11, 21, 7, 59, 59, tzinfo=MADRID), datetime(2026, 11, 21, 8, 0, tzinfo=MADRID)),
        (datetime(2026, 11, 21, 8, 0, tzinfo=MADRID), None),
        # The night on which clocks go back is an hour longer.
        (datetime(2026, 10, 24, 22, 0, tzinfo=MADRID), datetime(2026, 10, 25, 7, 0, tzinfo=UTC)),
    ],
)
def test_marketing_waits_for_the_end_of_quiet_hours_and_replies_do_not(now: datetime, until: datetime | None) -> None:
    policy = Policy(zone=MADRID, quiet_from=time(21), quiet_until=time(8))
    found = ask(now=now, purpose="marketing", policy=policy)
    assert (found.kind, found.until) == (("wait", until) if until else ("allowed", None))
    assert ask(now=now, policy=policy).kind == "allowed"
    assert ask(now=now, purpose="marketing", policy=policy, is_passive=True).kind == "allowed"


def test_marketing_over_a_limit_waits_for_the_first_day_with_room() -> None:
    days = [(NOON + timedelta(days=number)).date() for number in range(40)]
    full = dict.fromkeys(days[:2], 3)
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    assert ask(purpose="marketing", sent_to_contact=full) == Verdict("wait", "limit", midnight)
    assert ask(purpose="marketing", sent_to_contact=full, is_counted=True).kind == "allowed"
    limited = Policy(per_contact=0, per_day=100)
    by_tenant = dict.fromkeys(days[:3], 100)
    found = ask(purpose="marketing", policy=limited, sent_by_tenant=by_tenant)
    assert (found.kind, found.until) == ("wait", midnight + timedelta(days=1))
    never = dict.fromkeys(days, 100)
    assert ask(purpose="marketing", policy=limited, sent_by_tenant=never) == Verdict("refused", "limit")


def test_marketing_needs_consent_where_the_organisation_says_so() -> None:
    strict = Policy(needs_consent=True)
    agreed = Entry("whatsapp", "marketing", "given", NOON - DAY)
    left = Entry("sms", "marketing", "withdrawn", NOON - SECOND)
    assert ask(purpose="marketing", policy=strict).reason == "no_consent"
    assert ask(agreed, purpose="marketing", policy=strict).kind == "allowed"
    assert ask(agreed, left, purpose="marketing", policy=strict).reason == "opted_out"
    assert ask(policy=strict).kind == "allowed"


CLOCK = st.tuples(st.integers(0, 23), st.sampled_from((0, 1, 30, 59))).map(lambda one: time(*one))


@pytest.mark.slow
@example(time(2, 1), time(2), MADRID, datetime(2026, 3, 28, 18, tzinfo=UTC), 0, [0, 0, 0], [0, 0, 0], False)
@settings(max_examples=40, deadline=None)
@given(
    CLOCK,
    CLOCK,
    st.sampled_from((UTC, MADRID, ZoneInfo("Asia/Kathmandu"))),
    # Over both nights on which clocks change.
    st.sampled_from((datetime(2026, 3, 28, 18, tzinfo=UTC), datetime(2026, 10, 24, 20, tzinfo=UTC), NOON)),
    st.integers(0, 16 * 60),
    st.lists(st.integers(0, 3), min_size=3, max_size=3),
    st.lists(st.integers(0, 5), min_size=3, max_size=3),
    st.booleans(),
)
def test_marketing_waits_for_the_first_minute_that_is_not_quiet_on_a_day_with_room(
    begin: time, end: time, zone: Any, start: datetime, minutes: int, own: list[int], all_: list[int], counted: bool
) -> None:
    """Against a search minute by minute."""
    now = start + timedelta(minutes=minutes)
    policy = Policy(zone=zone, quiet_from=begin, quiet_until=end if end != begin else None, per_contact=3, per_day=5)
    days = [(now.astimezone(zone) + timedelta(days=number)).date() for number in range(3)]
    sent, by_all = dict(zip(days, own, strict=True)), dict(zip(days, all_, strict=True))

    def is_free(moment: datetime) -> bool:
        local = moment.astimezone(zone)
        at, day = local.time(), local.date()
        is_quiet = policy.quiet_until is not None and (begin <= at < end if begin < end else not end <= at < begin)
        return not is_quiet and (counted or (sent.get(day, 0) < 3 and by_all.get(day, 0) < 5))

    free = next(one for one in (now + timedelta(minutes=number) for number in range(6 * 1440)) if is_free(one))
    found = ask(
        now=now, purpose="marketing", policy=policy, sent_to_contact=sent, sent_by_tenant=by_all, is_counted=counted
    )
    assert (found.kind, found.until) == (("allowed", None) if free == now else ("wait", free))


@pytest.mark.parametrize("change", ["update core_consent set state = 'given'", "delete from core_consent"])
def test_lines_of_the_ledger_are_never_changed(acme: World, change: str) -> None:
    ledger.add_lines(address_index="index", channel="any", state="blocked", source="staff")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Consent.objects.update(state="unblocked") if "update" in change else Consent.objects.all().delete()
    assert Consent.objects.get().state == "blocked"
