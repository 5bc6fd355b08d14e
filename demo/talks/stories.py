"""A conversation of the past, told line by line: the rows that the services would have stored, and the events."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log
from random import Random
from typing import Any, Final
from uuid import UUID, uuid4

from django.db.models import Model

from accounts.models import User
from accounts.selectors import names_of_members
from agents.knowledge.search.citations import facts_of
from agents.knowledge.search.index import digest_of
from agents.llm.ports import Usage
from agents.llm.routes.candidates import prices_of
from agents.llm.routes.prices import cost
from agents.models import (
    AgentRun,
    AgentRunMessage,
    AgentVersion,
    Citation,
    ModelCall,
    ModelRoute,
    Passage,
    ToolCall,
)
from conversations.events import stream_events
from conversations.models import (
    ChannelAccount,
    Contact,
    Conversation,
    ConversationTag,
    DeliveryAttempt,
    Message,
    Survey,
    Tag,
)
from core.actors import Actor
from core.audit.chain import Fact
from core.events.streams import NewEvent
from core.privacy.pii import mask_text
from demo.people import SEEDER

REASONS: Final = ("asked_for_person", "asked_for_person", "complaint", "low_confidence")
CODES: Final = {"twilio": "63024", "cloud": "131026"}
"""What each provider says of a phone that it can't reach."""
RATED: Final = ((1, 1), (2, 1), (3, 2), (4, 6), (5, 9))


@dataclass(frozen=True, slots=True)
class Script:
    """What a conversation is about; `lines` begin with who says them, as in `month.toml`."""

    lines: tuple[str, ...]
    intent: str
    tag: str = ""
    team: str = ""
    article: str = ""
    passage: int = 1
    agent: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True)
class Staff:
    """Who answers: the agent's version and the colleague, with what they know."""

    version: AgentVersion
    person: User
    actor: Actor
    team_id: UUID | None
    passage: Passage | None
    tag: Tag | None
    route: ModelRoute | None
    comments: dict[str, list[str]]
    order_prefix: str


@dataclass(slots=True)
class Told:
    """What some conversations left behind, to be written at once."""

    rows: dict[type[Model], list[Any]] = field(default_factory=lambda: defaultdict(list))
    events: list[tuple[datetime, NewEvent]] = field(default_factory=list)
    runs: list[tuple[AgentRun, AgentVersion, list[ToolCall]]] = field(default_factory=list)
    facts: list[tuple[datetime, Fact]] = field(default_factory=list)

    def add(self, other: "Told") -> None:
        """Take over what another one holds."""
        for model, rows in other.rows.items():
            self.rows[model] += rows
        self.events += other.events
        self.runs += other.runs
        self.facts += other.facts


class Story:
    """One conversation of a contact on a channel; `now` is how far it has been told."""

    def __init__(
        self, script: Script, staff: Staff, contact: Contact, account: ChannelAccount, at: datetime, dice: Random
    ) -> None:
        self.script, self.staff, self.dice = script, staff, dice
        self.told, self.now, self.seq = Told(), at, 0
        self.account = account
        self.names = [contact.display_name]
        self.person = staff.actor
        self.order = f"{staff.order_prefix}-{dice.randrange(20_000, 29_999)}"
        self.talk = Conversation(
            channel_account=account, contact=contact, created_at=at, asked_at=at, team_id=staff.team_id,
            team_since=at if staff.team_id else None, intent=script.intent, language="en",
        )  # fmt: skip
        self.told.rows[Conversation].append(self.talk)

    def tell(self) -> Told:
        """Tell all lines, close the conversation and ask how it was."""
        self._event(stream_events.listed_event(self.talk, "conversation_opened", counted=self._counted()))
        self._record(SEEDER, "CONVERSATION_OPENED", "")
        for line in self.script.lines:
            text = line[2:].format(order=self.order)
            match line[0]:
                case ">":
                    self._answer_by_agent(text)
                case "=":
                    self._answer_by_person(text)
                case mark:
                    if mark == "~":
                        self._reopen()
                    self._hear(text)
        self._close()
        if self.staff.tag:
            self.told.rows[ConversationTag].append(
                ConversationTag(conversation=self.talk, tag=self.staff.tag, added_at=self.now)
            )
        if self.script.agent == "" and self.dice.random() < 0.7:
            self._ask_rating()
        return self.told

    def _pass(self, median: float, spread: float = 0.6) -> timedelta:
        """Let some time pass, at least ten seconds; return how much."""
        waited = timedelta(seconds=10 + round(self.dice.lognormvariate(log(median), spread), 3))
        self.now += waited
        return waited

    def _counted(self, **facts: Any) -> dict[str, Any]:
        return stream_events.counted_of(self.talk, **facts)

    def _event(self, *events: NewEvent, at: datetime | None = None) -> None:
        self.told.events += [(at or self.now, event) for event in events]

    def _record(self, actor: Actor, action: str, old_state: str, **facts: Any) -> None:
        fact = stream_events.fact_of(actor, action, self.talk, old_state=old_state, **facts)
        self.told.facts.append((self.now, fact))

    def _say(self, event_type: str, wait: float | None = None, **columns: Any) -> Message:
        """Store a message and tell it; `wait` is how long the customer waited for it."""
        self.seq += 1
        body = columns.pop("body")
        message = Message(
            conversation=self.talk, channel_account=self.account, seq=self.seq, body=body, created_at=self.now,
            masked_body=mask_text(body, self.names, names_of_members()), **columns,
        )  # fmt: skip
        waited: dict[str, Any] = {} if wait is None else {"seconds": wait}
        if message.sender_type == "person":
            waited |= {"person": message.sender_id} | ({} if wait is None else {"working_seconds": wait})
        payload = {**stream_events.message_payload(message), "counted": self._counted(**waited)}
        self._event(NewEvent(self.talk.stream, event_type, payload))
        self.told.rows[Message].append(message)
        self.talk.last_message_at = self.now
        return message

    def _hear(self, text: str) -> None:
        if self.seq:
            self._pass(80)
        self.heard = self._say("message_received", direction="in", sender_type="customer", sender_name="customer",
                               status="received", body=text)  # fmt: skip
        self.talk.last_inbound_at = self.talk.staff_seen_at = self.now

    def _run(self, tool: str, **columns: Any) -> AgentRun:
        """Let the agent think about what was heard."""
        began = self.now + timedelta(milliseconds=self.dice.randrange(200, 900))
        self._pass(2, 0.5)
        version, used = self.staff.version, Usage(self.dice.randrange(700, 3000), self.dice.randrange(40, 300))
        is_lost = tool == self.script.tool and self.dice.random() < 0.1
        run = AgentRun(
            conversation=self.talk, agent_version=version, state="finished", trigger_ref=self.heard.pk, answered=1,
            first_message_at=self.heard.created_at, rounds=2, input_tokens=used.input_tokens,
            output_tokens=used.output_tokens, created_at=self.heard.created_at, started_at=began,
            finished_at=self.now, **columns,
        )  # fmt: skip
        call = ToolCall(
            run=run, call_id="call-1", name=tool, fingerprint=uuid4().hex, state="failed" if is_lost else "done",
            code="timeout" if is_lost else "",
            arguments={"question": self.heard.masked_body} if tool == "search_knowledge" else {},
            milliseconds=self.dice.randrange(30, 400), created_at=began, finished_at=self.now,
        )  # fmt: skip
        rows = self.told.rows
        rows[AgentRun].append(run)
        rows[AgentRunMessage].append(AgentRunMessage(run=run, message=self.heard, number=1, created_at=began))
        rows[ToolCall].append(call)
        if self.staff.route:
            outcomes = ("rate_limited", "answered") if self.dice.random() < 0.2 else ("answered",)
            rows[ModelCall] += [self._model_call(run, self.staff.route, used, outcome) for outcome in outcomes]
        self.told.runs.append((run, version, [call]))
        return run

    def _model_call(self, run: AgentRun, route: ModelRoute, used: Usage, outcome: str) -> ModelCall:
        known, is_answer = prices_of(route), outcome == "answered"
        return ModelCall(
            run=run, agent_id=self.staff.version.agent_id, route=route, route_name=route.name, model=route.model,
            tier=route.tier, channel=self.account.kind, complexity=30, input_tokens=used.input_tokens,
            output_tokens=used.output_tokens if is_answer else 0,
            price=cost(known, used) if known and is_answer else None, currency=route.currency, outcome=outcome,
            milliseconds=self.dice.randrange(500, 2500), first_token_ms=300 if is_answer else None,
            created_at=run.started_at or run.created_at,
        )  # fmt: skip

    def _answer_by_agent(self, text: str) -> None:
        is_first = self.talk.first_answered_at is None
        passage = self.staff.passage if is_first else None
        version, sure = self.staff.version, self.dice.randrange(62, 98)
        run = self._run(self.script.tool or "search_knowledge", confidence=sure)
        facts: dict[str, Any] = {"run": str(run.pk), "agent": version.agent.type}
        if passage:
            facts["sources"] = facts_of([(1, passage)])
        wait = (self.now - self.talk.created_at).total_seconds() if is_first else None
        message = self._send(
            wait, body=text, sender_type="agent", sender_id=version.agent_id, sender_name=version.agent.name,
            metadata=facts,
        )  # fmt: skip
        run.reply_id = message.pk
        self.talk.confidence = sure
        if is_first:
            self.talk.first_answered_at = self.now
        if passage:
            self.told.rows[Citation].append(
                Citation(
                    message=message, number=1, document_id=passage.document_id, version_id=passage.version_id,
                    passage_number=passage.number, digest=digest_of(passage.text), created_at=self.now,
                )
            )  # fmt: skip

    def _answer_by_person(self, text: str) -> None:
        wait = None
        if self.talk.state == "agent":
            self._hand_off()
            wait = self._pass(500, 0.9).total_seconds()
        else:
            self._pass(200)
        person = self.person
        message = self._send(
            wait, body=text, sender_type="person", sender_id=person.id, sender_name=person.name,
            sender_user_id=person.user_id,
        )  # fmt: skip
        talk = self.talk
        talk.assigned_to = talk.last_person = self.staff.person
        talk.first_answered_at = talk.first_answered_at or self.now
        talk.first_person_answered_at = talk.first_person_answered_at or self.now
        self._record(person, "MESSAGE_SENT", talk.state, message=str(message.pk))

    def _hand_off(self) -> None:
        talk, reason = self.talk, self.dice.choice(REASONS)
        # One that isn't sure enough is stopped by a check; otherwise the agent brings a person itself.
        self._run("bring_person", error_code=reason if reason == "low_confidence" else "")
        talk.state, talk.escalated_at, talk.person_asked_at = "person", self.now, self.now
        talk.escalated_by, talk.escalated_by_id, talk.escalation_reason = SEEDER.kind, SEEDER.id, reason
        counted = {"from_agent": True}
        self._event(*stream_events.state_events(
            talk, inbox_type="conversation_needs_person", counted=counted, reason=reason
        ))  # fmt: skip
        self._record(SEEDER, "CONVERSATION_ESCALATED", "agent", reason=reason)

    def _send(self, wait: float | None, **columns: Any) -> Message:
        """Send an answer: the website has it at once, a phone when its provider says so."""
        provider = self.account.provider
        if provider not in CODES:
            return self._say("agent_response", wait, direction="out", status="sent", sent_at=self.now, **columns)
        message = self._say("agent_response", wait, direction="out", status="queued", **columns)
        message.sent_at, message.channel_message_id = self.now + timedelta(seconds=2), f"demo{message.pk.hex}"
        is_smooth, arrives = self.dice.random() > 0.04, self.dice.random() > 0.03
        for number, is_ok in enumerate((True,) if is_smooth else (False, True), start=1):
            self._attempt(message, number, is_ok)
        for status, seconds in (("sent", 2), ("delivered" if arrives else "failed", 5)):
            message.status = status
            self.seq += 1
            counted = {"channel": str(self.account.pk)}
            said: dict[str, Any] = {"id": str(message.pk), "status": status}
            at = self.now + timedelta(seconds=seconds)
            self._event(NewEvent(self.talk.stream, "message_status", {**said, "counted": counted}), at=at)
        if not arrives:
            code = CODES[provider]
            failed = {**said, "error": code, "counted": {**counted, "code": code}}
            self._event(NewEvent(self.talk.staff_stream, "message_failed", failed), at=at)
        return message

    def _attempt(self, message: Message, number: int, is_ok: bool) -> None:
        took = self.dice.randrange(90, 900)
        at = self.now + timedelta(milliseconds=500 * number)
        self.told.rows[DeliveryAttempt].append(
            DeliveryAttempt(
                message=message, channel_account=self.account, number=number, started_at=at,
                finished_at=at + timedelta(milliseconds=took), outcome="succeeded" if is_ok else "failed",
                provider_id=message.channel_message_id if is_ok else "", error="" if is_ok else "http_503",
                http_status=201 if is_ok else 503,
            )
        )  # fmt: skip
        call = {"call": "send_message", "provider": self.account.provider, "channel": str(self.account.pk),
                "is_ok": is_ok, "code": "" if is_ok else "http_503", "status": 201 if is_ok else 503,
                "milliseconds": took}  # fmt: skip
        self._event(NewEvent(self.talk.staff_stream, "provider_called", call), at=at)

    def _close(self) -> None:
        self._pass(300)
        talk, old_state = self.talk, self.talk.state
        by_person = talk.first_person_answered_at is not None
        talk.state, talk.closed_at = "closed", self.now
        talk.resolved = self.dice.random() < (0.85 if by_person else 0.93)
        talk.assigned_to = self.staff.person if by_person else None
        counted: dict[str, Any] = {"person": talk.last_person_id}
        if talk.resolved:
            seconds = (self.now - (talk.asked_at or talk.created_at)).total_seconds()
            is_alone = not by_person and talk.escalated_at is None
            counted |= {"by_agent": is_alone, "seconds": seconds, "working_seconds": seconds}
        self._event(*stream_events.state_events(
            talk, inbox_type="conversation_closed", counted=counted, resolved=talk.resolved
        ))  # fmt: skip
        closer = self.person if by_person else SEEDER
        self._record(closer, "CONVERSATION_CLOSED", old_state, resolved=talk.resolved)

    def _reopen(self) -> None:
        """Close it; a day later the customer writes again."""
        self._close()
        self.now += timedelta(hours=self.dice.randrange(14, 30))
        talk = self.talk
        talk.state, talk.resolved, talk.closed_at, talk.assigned_to = "agent", None, None, None
        talk.first_answered_at = talk.first_person_answered_at = talk.person_asked_at = None
        talk.asked_at = self.now
        self._event(stream_events.listed_event(talk, "conversation_reopened", counted=self._counted()))
        self._record(SEEDER, "CONVERSATION_REOPENED", "closed")

    def _ask_rating(self) -> None:
        talk = self.talk
        survey = Survey(
            conversation=talk, team_id=talk.team_id, person=talk.last_person, created_at=self.now, asked_at=self.now,
            ends_at=self.now + timedelta(days=14),
        )  # fmt: skip
        self.told.rows[Survey].append(survey)
        self._event(stream_events.survey_asked_event(talk, survey))
        if self.dice.random() < 0.5:
            self._pass(900)
            rating = self.dice.choices([mark for mark, _ in RATED], weights=[weight for _, weight in RATED])[0]
            survey.rating, survey.answered_at, survey.changed_at, survey.way = rating, self.now, self.now, "widget"
            survey.comment = survey.masked_comment = self.dice.choice(self.staff.comments[str(rating)])
            counted = self._counted(team=survey.team_id, person=survey.person_id, is_first=True)
            said = {"survey": str(survey.pk), "rating": rating, "commented": bool(survey.comment), "counted": counted}
            self._event(NewEvent(talk.staff_stream, "survey_rated", said))
