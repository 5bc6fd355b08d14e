"""A plausible past of a desk as facts to count, the same for the same seed.

The demo counts half a year of it, benchmarks as much as they want.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import log
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from analytics.figures.counts import Fact
from analytics.figures.metrics import AGENT, CHANNEL, KIND, PERSON, TEAM

WEEK: Final = (1.15, 1.1, 1.0, 1.0, 0.95, 0.45, 0.35)
"""How busy each day of the week is, from Monday on."""
NIGHT, MORNING, AFTERNOON, EVENING = range(4)
PARTS: Final = ((0, 8, 8), (8, 12, 38), (12, 18, 40), (18, 24, 14))
"""Hours from and to, and how many of a hundred conversations begin between them."""
REASONS: Final = ("asked_for_person", "low_confidence", "complaint")
ACTIONS: Final = ("set_campaign_budget", "update_page_meta", "publish_content", "send_audience_message")
RISKS: Final = (("low", 5), ("medium", 3), ("high", 2), ("critical", 1))
TOOLS: Final = ("search_knowledge", "order_status", "list_campaigns", "send_file")
PROVIDERS: Final = ("twilio", "meta", "sendgrid")
CODES: Final = ("unreachable", "undelivered", "window_closed")


@dataclass(frozen=True, slots=True)
class Desk:
    """Whose past it is: ids of its teams with their people, of its approvers, agents and channels."""

    zone: ZoneInfo
    teams: Mapping[str, Sequence[str]]
    approvers: Sequence[str]
    agents: Sequence[str]
    channels: Sequence[str]
    models: Sequence[str] = ("sandbox-small", "sandbox-large")
    currency: str = "EUR"


def facts_of(desk: Desk, first: date, last: date, *, per_day: float, seed: int = 1) -> Iterator[Fact]:
    """Return what happened on these local days; `per_day` is how many conversations began on the last one.

    Half a year before it was about half as many.
    """
    for day, dice, wanted in busy_days(first, last, per_day=per_day, seed=seed):
        for _ in range(how_many(wanted, dice)):
            yield from _conversation(desk, day, dice)
        yield from _samples(desk, day, dice, wanted)


def busy_days(first: date, last: date, *, per_day: float, seed: int = 1) -> Iterator[tuple[date, Random, float]]:
    """Yield each day with its dice, and how many conversations it should have."""
    day = first
    while day <= last:
        dice = Random(f"{seed} {day}")  # noqa: S311  (nothing secret)
        growth = 1 / (1 + (last - day).days / 180)
        yield day, dice, per_day * growth * WEEK[day.weekday()] * dice.uniform(0.85, 1.15)
        day += timedelta(days=1)


def how_many(wanted: float, dice: Random) -> int:
    """Return a whole number that is the wanted one on average."""
    return int(wanted) + (dice.random() < wanted % 1)


def moment_on(day: date, zone: ZoneInfo, dice: Random) -> datetime:
    """Return a moment of a local day at which a conversation may begin."""
    begin, end, _ = dice.choices(PARTS, weights=[part[2] for part in PARTS])[0]
    minutes = dice.randrange(begin * 60, end * 60)
    return datetime.combine(day, time(minutes // 60, minutes % 60), zone).astimezone(UTC)


def _time(dice: Random, median: float, spread: float) -> float:
    return round(dice.lognormvariate(log(median), spread), 3)


def _conversation(desk: Desk, day: date, dice: Random) -> Iterator[Fact]:
    at = moment_on(day, desk.zone, dice)
    team = dice.choices(list(desk.teams), weights=range(len(desk.teams) + 1, 1, -1))[0]
    channel = dice.choices(desk.channels, weights=range(len(desk.channels) + 1, 1, -1))[0]
    agent = dice.choice(desk.agents)
    place: dict[str, str | None] = {TEAM: team, CHANNEL: channel}
    turns = dice.choice((1, 2, 2, 3, 4, 6))
    yield Fact("conversations_opened", at, place)
    yield Fact("messages_in", at, place, turns, n=turns)
    yield Fact("messages_out", at, {**place, KIND: "agent"}, turns, n=turns)
    yield Fact("first_answer_agent", at, place, _time(dice, 4, 0.5))
    yield from _sent(desk, channel, at, turns, dice)
    yield from _runs(desk, agent, at, turns, dice)
    person = dice.choice(desk.teams[team]) if dice.random() < 0.35 else None
    if person:
        yield from _with_person(place, person, at, dice)
    resolved = dice.random() < (0.8 if person else 0.9)
    end = at + timedelta(seconds=_time(dice, 5400 if person else 600, 0.8))
    yield Fact("conversations_closed", end, {**place, PERSON: person, KIND: "resolved" if resolved else "unresolved"})
    if resolved:
        seconds = (end - at).total_seconds()
        yield Fact("resolution", end, place, seconds)
        yield Fact("resolution_working", end, place, seconds * 0.6)
        if not person:
            yield Fact("conversations_by_agent", end, place)
    is_asked = dice.random() < 0.7
    if is_asked:
        yield Fact("surveys_asked", end, {**place, PERSON: person})
    if is_asked and dice.random() < 0.5:
        mark = dice.choices((1, 2, 3, 4, 5), weights=(1, 1, 2, 6, 9))[0]
        yield Fact("marks", end, {**place, PERSON: person, KIND: str(mark)}, mark)
    if dice.random() < 0.04:
        yield Fact("conversations_reopened", end + timedelta(hours=3), place)
    if dice.random() < 0.2:
        yield from _request(desk, agent, at + timedelta(minutes=2), dice)


def _with_person(place: dict[str, str | None], person: str, at: datetime, dice: Random) -> Iterator[Fact]:
    asked = at + timedelta(seconds=_time(dice, 120, 0.7))
    yield Fact("conversations_escalated", asked, {**place, KIND: dice.choice(REASONS)})
    wait = _time(dice, 900, 0.9)
    answered = asked + timedelta(seconds=wait)
    yield Fact("first_answer_person", answered, {**place, PERSON: person}, wait)
    yield Fact("first_answer_person_working", answered, {**place, PERSON: person}, wait * dice.choice((0.3, 1, 1)))
    yield Fact("messages_out", answered, {**place, KIND: "person"}, 2, n=2)


def _sent(desk: Desk, channel: str, at: datetime, count: int, dice: Random) -> Iterator[Fact]:
    failed = sum(dice.random() < 0.015 for _ in range(count))
    yield Fact("deliveries", at, {CHANNEL: channel}, count, n=count)
    if count > failed:
        yield Fact("delivered", at, {CHANNEL: channel}, count - failed, n=count - failed)
    provider = {CHANNEL: channel, KIND: PROVIDERS[desk.channels.index(channel) % len(PROVIDERS)]}
    yield Fact("provider_calls", at, provider, count, n=count)
    yield Fact("provider_time", at, provider, _time(dice, 0.35, 0.5))
    if failed:
        yield Fact("provider_failures", at, provider, failed, n=failed)
        yield Fact("delivery_failures", at, {CHANNEL: channel, KIND: dice.choice(CODES)}, failed, n=failed)


def _runs(desk: Desk, agent: str, at: datetime, turns: int, dice: Random) -> Iterator[Fact]:
    for _ in range(turns):
        outcome = dice.choices(("finished", "waiting", "failed"), weights=(90, 7, 3))[0]
        yield Fact("runs", at, {AGENT: agent, KIND: outcome})
        yield Fact("run_time", at, {AGENT: agent}, _time(dice, 3, 0.5))
        model = {AGENT: agent, KIND: dice.choice(desk.models)}
        yield Fact("model_calls", at, model)
        yield Fact("model_time", at, model, _time(dice, 1.4, 0.5))
        read, written = dice.randrange(600, 4000), dice.randrange(40, 400)
        yield Fact("tokens_in", at, model, read)
        yield Fact("tokens_out", at, model, written)
        yield Fact("model_cost", at, model, round(read * 0.0000008 + written * 0.000004, 6), desk.currency)
        if dice.random() < 0.02:
            yield Fact("model_failures", at, model)
        if dice.random() < 0.6:
            tool = {AGENT: agent, KIND: dice.choice(TOOLS)}
            yield Fact("tool_calls", at, tool)
            yield Fact("tool_time", at, tool, _time(dice, 0.2, 0.6))
            if dice.random() < 0.03:
                yield Fact("tool_failures", at, tool)
        if dice.random() < 0.05:
            yield Fact("answers_refused", at, {AGENT: agent, KIND: dice.choice(("low_confidence", "unsafe"))})


def _request(desk: Desk, agent: str, at: datetime, dice: Random) -> Iterator[Fact]:
    action, cost = dice.choice(ACTIONS), round(dice.lognormvariate(5, 1), 2)
    risk = dice.choices([name for name, _ in RISKS], weights=[weight for _, weight in RISKS])[0]
    by: dict[str, str | None] = {AGENT: agent, CHANNEL: "webchat"}
    yield Fact("requests", at, {**by, KIND: action})
    yield Fact("requests_by_risk", at, {KIND: risk})
    yield Fact("requests_in_conversations", at, by)
    is_automatic = risk == "low" and dice.random() < 0.6
    wait = 0.2 if is_automatic else _time(dice, 2700, 1.1)
    decided = at + timedelta(seconds=wait)
    is_approved = is_automatic or dice.random() < 0.8
    approver = None if is_automatic else dice.choice(desk.approvers)
    verdict = "approved" if is_approved else "rejected"
    yield Fact("decisions", decided, {AGENT: agent, PERSON: approver, KIND: verdict})
    yield Fact("cost_approved" if is_approved else "cost_rejected", decided, {**by, KIND: action}, cost, desk.currency)
    if is_automatic:
        yield Fact("decisions_automatic", decided, {AGENT: agent, KIND: action})
    else:
        yield Fact("first_view", at + timedelta(seconds=wait / 2), {AGENT: agent, KIND: risk}, wait / 2)
        yield Fact("decision", decided, {AGENT: agent, KIND: risk}, wait)
        yield Fact("decided_in_time" if wait < 4 * 3600 else "decided_late", decided, {KIND: "1"})
        if is_approved:
            yield Fact("approvals_by", decided, {PERSON: approver})
            if risk == "critical" and dice.random() < 0.1:
                yield Fact("overrides", decided, {PERSON: approver, KIND: action})
        elif dice.random() < 0.2:
            yield Fact("rejected_after_edit", decided, {AGENT: agent, KIND: action})
    if not is_approved:
        yield Fact("requests_ended", decided, {AGENT: agent, KIND: "rejected"})
        return
    took = _time(dice, 6, 0.8)
    done = decided + timedelta(seconds=took)
    failed = dice.random() < 0.03
    yield Fact("requests_ended", done, {AGENT: agent, KIND: "failed" if failed else "executed"})
    if not failed:
        yield Fact("execution", done, {AGENT: agent, KIND: action}, took)


def _samples(desk: Desk, day: date, dice: Random, busy: float) -> Iterator[Fact]:
    """Samples of what waits and how much people have, one every five minutes of a working day."""
    if day.weekday() > 4:
        return
    for hour in range(9, 18):
        at = datetime.combine(day, time(hour), desk.zone).astimezone(UTC)
        waiting = {team: round(dice.uniform(0, busy / 12) * 12) for team in desk.teams}
        loads = {person: dice.uniform(1, 9) for people in desk.teams.values() for person in people}
        yield Fact("backlog", at, {}, sum(waiting.values()), n=12)
        yield Fact("utilisation", at, {}, sum(loads.values()) / max(1, len(loads)), n=12)
        for team, people in desk.teams.items():
            yield Fact("backlog", at, {TEAM: team}, waiting[team], n=12, in_total=False)
            busy_share = sum(loads[person] for person in people) / max(1, len(people))
            yield Fact("utilisation", at, {TEAM: team}, busy_share, n=12, in_total=False)
        for person, load in loads.items():
            yield Fact("utilisation", at, {PERSON: person}, load, n=12, in_total=False)
