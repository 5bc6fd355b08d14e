"""The calls of a trial: readings are made, changes are only foreseen or left out."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal
from uuid import uuid4

from agents.answering.tool_calls import refusals
from agents.answering.tool_calls.arguments import problem_of, readable
from agents.answering.tool_calls.refusals import Refusal, ToolBroke
from agents.answering.tool_calls.results import as_line, tidy
from agents.answering.tools import knowledge, registry
from agents.answering.tools.registry import Caller, Tool
from agents.llm.ports import ANSWER_TOOL, SEARCH_TOOL, Line, ToolRequest
from agents.privacy import Vault
from core.actors import Actor
from core.errors import Unavailable, WalkerError
from core.observability.logging import get_logger
from core.privacy.json_texts import with_texts
from core.privacy.pii import mask_text
from hitl.actions.base import Origin, Params
from hitl.approvals.change.simulate import Foreseen, foresee

log = get_logger(__name__)
MOST_CALLS: Final = 50
MOST_WISHES: Final = 12
SAME_FAILURES: Final = 3
SHOWN: Final = 4000
"""Characters of a result that are kept to be shown."""
READS: Final = frozenset({"what_is_waiting", "what_happened"})
OWN_MATTERS: Final = frozenset({"withdraw_request", "answer_approvers", "resubmit_request"})
"""Tools for a member's real requests, which a trial leaves alone."""
LEFT_OUT: Final = "This is a trial, so nothing was changed or sent. Go on as if it had been done."
Kind = Literal["reads", "asks", "left_out", "refused", "failed"]


class OutOfTime(Exception):
    """The time of an answer is over."""


@dataclass(frozen=True)
class Step:
    """One call: what was asked for, what came back, and for an acting tool who would have to approve it."""

    kind: Kind
    tool: str
    title: str
    arguments: Mapping[str, Any]
    result: Mapping[str, Any]
    round: int
    milliseconds: int
    code: str = ""
    approval: Mapping[str, Any] | None = None


def offered_in_trial(names: Sequence[str], caller: Caller) -> list[Tool]:
    """Return the tools that a model is offered in a trial."""
    tools = [registry.get(name) for name in dict.fromkeys(names) if registry.is_known(name) and name not in OWN_MATTERS]
    # What changes something without being asked for looks at the conversation, and there is none.
    return [t for t in tools if (t.suits(caller) if t.changes and not t.acting else t.allows(caller))]


def is_reading(tool: Tool) -> bool:
    """Return True if a tool may really be called in a trial: it is known to change nothing."""
    if tool.acting or tool.changes:
        return False
    return tool.only_reads or tool.outside or tool.key in READS


@dataclass
class TrialCalls:
    """Performs the calls of one answer of a trial, and remembers them as steps."""

    caller: Caller
    viewer: Actor
    offered: Mapping[str, Tool]
    until: float
    vault: Vault | None = None
    is_masked: bool = False
    """Whether what reads the results is outside, and has no placeholders."""
    watch: Callable[[Sequence[Step]], None] | None = None
    steps: list[Step] = field(default_factory=list)
    given: dict[int, str] = field(default_factory=dict)
    """The passages that were found in this answer, by number."""
    _made: dict[str, Line] = field(default_factory=dict)
    _failures: Counter[str] = field(default_factory=Counter)
    _count: int = 0
    _wishes: int = 0
    _has_read_foreign: bool = False

    def __call__(self, requests: Sequence[ToolRequest], number: int) -> list[Line]:
        """Perform the calls of a round, one after another. Raises `ToolBroke` and `OutOfTime`."""
        return [self._repeat_or_perform(readable(request), number) for request in requests]

    def as_document(self) -> dict[str, Any]:
        """Return the calls so far, masked, to go on with them in another process."""
        return {
            "steps": [asdict(step) for step in self.steps],
            "given": {str(number): passage for number, passage in self.given.items()},
            "made": {wish: tidy(line.result) for wish, line in self._made.items()},
            "failures": dict(self._failures),
            "count": self._count,
            "wishes": self._wishes,
            "has_read_foreign": self._has_read_foreign,
        }

    def take(self, document: Mapping[str, Any]) -> None:
        """Go on with the calls of another process."""
        if not document:
            return
        self.steps[:] = [Step(**step) for step in document["steps"]]
        self.given.update({int(number): passage for number, passage in document["given"].items()})
        self._made = {wish: Line("tool", as_line(result), result=result) for wish, result in document["made"].items()}
        self._failures = Counter(document["failures"])
        self._count, self._wishes = document["count"], document["wishes"]
        self._has_read_foreign = document["has_read_foreign"]

    def _repeat_or_perform(self, request: ToolRequest, number: int) -> Line:
        wish = json.dumps([request.name, dict(request.arguments), request.error], sort_keys=True, default=str)
        known = self._made.get(wish)
        result = dict(known.result) if known else self._perform(request, number)
        text = as_line(tidy(result) if self.is_masked else result)
        text = self.vault.redact(text) if self.vault else text
        line = Line("tool", text, call_id=request.call_id, tool_name=request.name, result=result)
        self._made[wish] = line
        if "error" in result:
            self._failures[str(sorted(result.items()))] += 1
            if max(self._failures.values()) >= SAME_FAILURES:
                raise ToolBroke(refusals.STUCK)
        return line

    def _perform(self, request: ToolRequest, number: int) -> dict[str, Any]:
        began = time.monotonic()
        if began >= self.until:
            raise OutOfTime
        self._count += 1
        tool = self.offered.get(request.name)
        kind: Kind = "refused"
        approval: dict[str, Any] | None = None
        try:
            found = self._tool_for(request)
            arguments = self._arguments_for(found, request)
            kind, result, approval = self._do(found, arguments)
        except Refusal as refusal:
            kind = "failed" if refusal.code == refusals.BAD_ARGUMENTS else "refused"
            result = refusal.result
        except Broken as broken:
            self._remember(request, tool, "failed", {"error": broken.code}, number, began)
            raise ToolBroke(broken.code) from broken
        self._remember(request, tool, kind, result, number, began, approval)
        return result

    def _tool_for(self, request: ToolRequest) -> Tool:
        if self._count > MOST_CALLS:
            raise Refusal(refusals.TOO_MANY)
        if not registry.is_known(request.name):
            raise Refusal(refusals.UNKNOWN)
        tool = self.offered.get(request.name)
        if tool is None:
            raise Refusal(refusals.NOT_OFFERED)
        if tool.acting or tool.changes:
            self._wishes += 1
            if self._wishes > MOST_WISHES:
                raise Refusal(refusals.TOO_MANY_WISHES)
            if self._has_read_foreign:
                raise Refusal(refusals.TAINTED)
        return tool

    def _arguments_for(self, tool: Tool, request: ToolRequest) -> Params:
        raw, problem = dict(request.arguments), request.error
        if self.vault and not problem:
            try:
                raw = self.vault.restore(raw, tool.arguments)
            except ValueError as wrong:
                problem = str(wrong)
        problem = problem or problem_of(raw, largest=tool.largest)
        if problem:
            raise Refusal(refusals.BAD_ARGUMENTS, problem)
        try:
            return tool.read(raw)
        except ValueError as wrong:
            raise Refusal(refusals.BAD_ARGUMENTS, f"Check these fields: {wrong}.") from None

    def _do(self, tool: Tool, arguments: Params) -> tuple[Kind, dict[str, Any], dict[str, Any] | None]:
        """Read, foresee or leave out. An acting tool is never called. Raises `Broken`."""
        try:
            if tool.acting:
                return self._foresee(tool, arguments)
            if tool.key == SEARCH_TOOL:
                return "reads", self._search(arguments), None
            if tool.key == ANSWER_TOOL:
                parts = knowledge.Parts.model_validate(arguments.model_dump()).parts
                return "reads", knowledge.put_together(parts, self.given), None
            if not is_reading(tool):
                return "left_out", {"note": LEFT_OUT}, None
            result = tool.call(arguments, caller=self.caller, call_id=uuid4())
            result = tidy(result) if tool.outside else result
            self._has_read_foreign = self._has_read_foreign or bool(result.get("foreign"))
        except Unavailable as error:
            raise Broken(error.code) from error
        except WalkerError as error:
            return "failed", refusals.problem_of_tool(error, arguments), None
        except Exception as error:
            # The boundary to outside services: the trial shows that the tool broke.
            log.exception("tool_broke_in_trial", tool=tool.key)
            raise Broken("tool_failed") from error
        return "reads", result, None

    def _foresee(self, tool: Tool, arguments: Params) -> tuple[Kind, dict[str, Any], dict[str, Any] | None]:
        caller = self.caller
        owner = () if caller.agent_owner_id is None else (caller.agent_owner_id,)
        origin = Origin(
            agent_id=caller.agent_id,
            requester_user_id=caller.user_id,
            agent_owner_id=caller.agent_owner_id,
            also_excluded=(*caller.agent_author_ids, *owner),
            channel=caller.channel,
        )
        params = tool.filled(arguments, caller)
        found = foresee(viewer=self.viewer, kind=tool.key, params=params, origin=origin)
        if found.is_paused:
            return "refused", Refusal(refusals.PAUSED, "Such requests are stopped at the moment.").result, None
        headline = mask_text(found.headline).rstrip(".")
        sentence = f"This would need approval: {headline}. It is a trial, so nothing was requested."
        return "asks", {"state": "pending", "sentence": sentence}, _approval_of(found, headline)

    def _search(self, arguments: Params) -> dict[str, Any]:
        question = knowledge.Question.model_validate(arguments.model_dump()).question
        result = knowledge.found_for(question, self.caller, len(self.given) + 1, trial_id=self.caller.run_id)
        self._has_read_foreign = self._has_read_foreign or bool(result.get("foreign"))
        for row in result["passages"]:
            self.given[int(row["n"])] = str(row["passage"])
        return result

    def _remember(
        self,
        request: ToolRequest,
        tool: Tool | None,
        kind: Kind,
        result: Mapping[str, Any],
        number: int,
        began: float,
        approval: Mapping[str, Any] | None = None,
    ) -> None:
        arguments = {
            str(name)[:60]: mask_text(value[:2000] if isinstance(value, str) else str(value)[:2000])
            for name, value in list(request.arguments.items())[:20]
        }
        step = Step(
            kind=kind,
            tool=request.name[:60],
            title=tool.title if tool else request.name[:60],
            arguments=arguments,
            result=with_texts(dict(tidy(result)), lambda text: mask_text(text[:SHOWN])),
            round=number,
            milliseconds=int((time.monotonic() - began) * 1000),
            code=str(result.get("error", ""))[:40],
            approval=approval,
        )
        self.steps.append(step)
        if self.watch:
            self.watch(self.steps)


class Broken(Exception):
    """A tool failed for a reason that other arguments would not fix."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _approval_of(found: Foreseen, headline: str) -> dict[str, Any]:
    """Return who would have to approve it, as it is stored: ids of people, no names."""
    simulation = found.simulation
    return {
        "headline": headline,
        "cost": None if found.cost is None else f"{found.cost:f}",
        "currency": found.currency,
        "risk_level": simulation.risk_level,
        "score": found.score,
        "workflow": simulation.workflow,
        "rule": simulation.rule,
        "verdict": simulation.verdict,
        "levels": [
            {
                "name": level.name,
                "mode": level.mode,
                "required": level.required,
                "people": [str(person) for person in level.people],
                "satisfiable": level.satisfiable,
            }
            for level in simulation.levels
        ],
    }
