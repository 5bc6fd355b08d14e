"""Erase what agents keep about people: the arguments and results of their calls; and read it for an export of one."""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final

from agents.langflow.models import FlowSession
from agents.langflow.sessions import ask_to_erase
from agents.memory.models import ContactFact
from agents.models import AgentRun, ModelCall, OpenQuestion, QuestionAsked, ToolCall
from agents.studio.evals.models import EvalCase, EvalResult
from core.clock import now
from core.privacy.erasure.disclosure import DIGEST, SAME, owned
from core.privacy.erasure.person import Person
from core.privacy.erasure.registry import (
    HANDLERS,
    Batch,
    ErasureHandler,
    Partner,
    Reading,
    Step,
    Table,
    emptied,
    every,
    window,
)

State = AgentRun.State


def _calls(person: Person, after: str, limit: int) -> Batch:
    rows = ToolCall.objects.filter(run__conversation_id__in=person.ids("conversations"))
    return emptied(rows.exclude(**ToolCall.EMPTY), limit, **ToolCall.EMPTY)


def _questions(person: Person, after: str, limit: int) -> Batch:
    """Remove that the person asked, and the words of questions that nobody else did."""
    rows = QuestionAsked.objects.filter(conversation_id__in=person.ids("conversations"))
    found, last = window(rows.only("pk", "question_id"), "", limit)
    questions = {row.question_id for row in found}
    QuestionAsked.objects.filter(pk__in=[row.pk for row in found]).delete()
    OpenQuestion.objects.filter(pk__in=questions, times=None).delete()
    return Batch(len(found), last)


def _flows(person: Person, after: str, limit: int) -> Batch:
    """Let Langflow erase what it keeps of the person's conversations; `in_the_way` waits until it has."""
    return Batch(ask_to_erase(FlowSession.objects.filter(conversation_id__in=person.ids("conversations"))))


def _cases(person: Person, after: str, limit: int) -> Batch:
    """Delete cases that were kept from the person's conversations."""
    rows = EvalCase.objects.filter(conversation_id__in=person.ids("conversations"))
    return Batch(rows.delete()[0])


def _checks(person: Person, after: str, limit: int) -> Batch:
    """Delete what checks said in the person's conversations."""
    rows = EvalResult.objects.filter(conversation_id__in=person.ids("conversations"))
    return Batch(rows.delete()[0])


def _facts(person: Person, after: str, limit: int) -> Batch:
    """Delete what is remembered of the person's contacts, with its history."""
    return Batch(ContactFact.objects.filter(contact_id__in=person.ids("contacts")).delete()[0])


def _questions_asked(person: Person) -> Iterable[OpenQuestion]:
    asked = QuestionAsked.objects.filter(conversation_id__in=person.ids("conversations"))
    return every(OpenQuestion.objects.filter(pk__in=asked.values("question_id")))


READINGS: Final = (
    Reading(
        model="agents.ContactFact", title="What agents remember of you",
        shown="kind value origin is_proven said_at superseded_at removed_at",
        rows=owned(ContactFact, contact="contacts"), unread={"masked_value": SAME},
    ),
    Reading(
        model="agents.ToolCall", title="What agents looked up or asked for in your conversations",
        shown="created_at name state code", masked="arguments result",
        rows=owned(ToolCall, run__conversation="conversations"), unread={"fingerprint": DIGEST},
    ),
    Reading(
        model="agents.OpenQuestion", title="Questions of yours that nobody had an answer to",
        shown="state created_at last_asked_at", masked="text words", rows=_questions_asked,
    ),
    Reading(
        model="agents.EvalCase", title="Cases from your conversations, to check agents with", shown="created_at",
        masked="name document", rows=owned(EvalCase, conversation="conversations"),
    ),
    Reading(
        model="agents.EvalResult", title="What agents answered in these checks", shown="created_at passed error_code",
        masked="name document said before answer stopped steps sources misses",
        rows=owned(EvalResult, conversation="conversations"),
    ),
)  # fmt: skip


class AgentsErasure(ErasureHandler):
    """Erases the tool calls in a person's conversations."""

    order: ClassVar[int] = 40
    purpose: ClassVar[str] = "To have agents answer questions, and to check how well they do it."
    readings: ClassVar[tuple[Reading, ...]] = READINGS
    tables: ClassVar[tuple[Table, ...]] = (
        Table("agents.ToolCall", "The tool, the number of the call, and a code.", "arguments result fingerprint",
              "call_id name code"),
        Table("agents.AnswerRule", "The organisation's own rules.", kept="name condition"),
        Table("agents.AgentRun",
              "Codes, names of the organisation's rules and agents, points of rules, counts, "
              "and the id of an announcement.",
              kept="error_code delivery_id chosen_by confidence_factors mended redacted"),
        Table("agents.Agent", "The organisation's own definitions.", kept="name type category configuration"),
        Table("agents.AgentVersion", "The organisation's own definitions.",
              kept="name prompt tools tool_teams collections orchestrator model model_name flow co_authors"),
        Table("agents.Collection", "The organisation's own texts.", kept="name description"),
        Table("agents.Site", "Addresses of the organisation's choice, and codes.",
              kept="address language trouble walk"),
        Table("agents.Document", "The organisation's own texts.", kept="title address trouble outdated valid_from "
              "valid_until file_digest"),
        Table("agents.DocumentVersion", "The organisation's own texts, until the document is deleted.",
              kept="title text digest"),
        Table("agents.Passage", "The organisation's own texts.", kept="heading text search"),
        Table("agents.PassageVector", "Numbers made of the organisation's own texts.",
              kept="base_url model digest embedding"),
        Table("agents.HelpCentre", "The organisation's own texts.", kept="title introduction colour"),
        Table("agents.HelpVote", "A keyed digest of a visitor that is another one each day.", kept="visitor day"),
        Table("agents.UploadedFile", "The organisation's own file, until it was read.", kept="kind content"),
        Table("agents.OpenQuestion", "Questions that only this person asked are removed; others are masked.",
              "text words"),
        Table("agents.Term", "Words of the organisation's own texts.", kept="word grams"),
        Table("agents.Citation", "Which document an answer named.", kept="digest"),
        Table("agents.ModelRoute", "The organisation's own definitions.",
              kept="name base_url key model currency embedding_model editors"),
        Table("agents.Budget", "The organisation's own definitions.", kept="currency"),
        Table("agents.Spend", "A day or month.", kept="label"),
        Table("agents.ContactFact", "Rows are removed.", "value masked_value"),
        Table("agents.FlowServer", "The organisation's own definitions.", kept="base_url key editors"),
        Table("agents.FlowSession", "Ids, until Langflow has erased what it keeps under them.",
              kept="conversation_id name code"),
        Table("agents.TrialTurn", "Trials of colleagues, masked, for a few days.",
              kept="said answer stopped steps sources error_code"),
        Table("agents.AgentActivation", "A digest of the organisation's own definition, and a masked reason.",
              kept="flow_digest override"),
        Table("agents.EvalCase", "Those from the person's conversations are deleted; others are the organisation's.",
              "document", "name"),
        Table("agents.EvalRun", "A digest and a code.", kept="digest error_code"),
        Table("agents.EvalResult", "Those of the person's conversations are deleted.",
              "document said before answer stopped steps sources misses", "name error_code"),
        Table("agents.ModelCall", "Names of models and codes; numbers say what it cost.",
              kept="route_name model channel factors currency reserved_on"),
    )  # fmt: skip
    steps: ClassVar[tuple[Step, ...]] = (
        Step("calls", "Tool calls", _calls, of_conversations=True),
        Step("facts", "What agents remember of them", _facts),
        Step("questions", "Questions nobody had an answer to", _questions, of_conversations=True),
        Step("cases", "Cases to check agents with", _cases),
        Step("checks", "Results of checks", _checks, of_conversations=True),
        Step("flows", "Conversations kept by Langflow", _flows, of_conversations=True),
    )

    @classmethod
    def partners(cls, person: Person) -> Iterator[Partner]:
        """Yield the models that read the person's conversations, and the Langflow that keeps some."""
        calls = ModelCall.objects.filter(run__conversation_id__in=person.ids("conversations"))
        for route, model in calls.order_by("route_name", "model").values_list("route_name", "model").distinct():
            yield Partner(f"{route} ({model})" if model else route, "Messages, for an agent's model to read", got=True)
        if FlowSession.objects.filter(conversation_id__in=person.ids("conversations")).exists():
            yield Partner("Langflow", "Messages, for an agent's flow to read", got=True)

    @classmethod
    def in_the_way(cls, person: Person) -> list[str]:
        """Return why erasure has to wait: a run in progress may still write, Langflow has not confirmed."""
        rows = AgentRun.objects.filter(conversation_id__in=person.ids("conversations"))
        is_at_work = rows.filter(state__in=(State.QUEUED, State.RUNNING)).exists()
        is_kept = FlowSession.objects.filter(conversation_id__in=person.ids("conversations")).exists()
        return [code for code, is_so in (("agent_at_work", is_at_work), ("kept_by_langflow", is_kept)) if is_so]

    @classmethod
    def detach(cls, person: Person) -> None:
        """End queued runs so that no agent starts on the person's messages."""
        rows = AgentRun.objects.filter(conversation_id__in=person.ids("conversations"), state=State.QUEUED)
        rows.update(state=State.FINISHED, finished_at=now(), error_code="erased", lease_until=None)


HANDLERS.register("agents", AgentsErasure)
