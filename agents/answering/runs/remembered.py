"""Give the same answer to the same public question for an hour, without asking a model again."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.db.models import Max

from agents.answering.tools.registry import Caller
from agents.knowledge.models import Document, Passage
from agents.knowledge.selectors import today
from agents.llm.ports import ANSWER_TOOL, SEARCH_TOOL, Line, RunOutcome, Source
from agents.models import AgentRun, AgentVersion, ToolCall
from core.reliability import loose_cache
from core.tenancy.scope import current_tenant_id

KEEP_SECONDS: Final = 3600
LONGEST_QUESTION: Final = 300
_TOOLS: Final = (SEARCH_TOOL, ANSWER_TOOL)


@dataclass
class Memory:
    """What is known of one run's question; its `key` is empty where the answer is nobody else's business."""

    key: str = ""

    def find(self, caller: Caller, version: AgentVersion, asked: Sequence[Line], seen: Sequence[Line]) -> RunOutcome:
        """Return the answer that another visitor got to the same words, or an outcome without text.

        Only for the first question of somebody who isn't signed in and wrote nothing personal: what was `asked` is
        what a model would have `seen`. Each version of the agent and each state of the documents has its own answers.
        """
        if caller.reads != "public" or len(asked) != 1 or [*asked] != [*seen] or asked[0].role != "user":
            return _NOTHING
        words = " ".join(asked[0].text.casefold().split())
        if not words or len(words) > LONGEST_QUESTION or "•" in words:
            return _NOTHING
        day, changed = today(), Document.objects.aggregate(latest=Max("updated_at"))["latest"]
        if changed is None:
            return _NOTHING
        about = "\n".join((str(version.pk), changed.isoformat(), day.isoformat(), words))
        self.key = f"answer:{current_tenant_id().hex}:{sha256(about.encode()).hexdigest()}"
        kept = loose_cache.find(self.key, what="answer")
        if not isinstance(kept, tuple) or len(kept) != 3:
            return _NOTHING
        text, cited, read = kept
        if not _are_public(read):
            return _NOTHING
        return RunOutcome(text, 0, sources=tuple(Source(number, passage) for number, passage in cited))

    def keep(self, run: AgentRun, outcome: RunOutcome) -> None:
        """Keep an answer that may be sent, if it is made of public documents alone."""
        if not self.key or not outcome.rounds or outcome.error or not outcome.sources:
            return
        calls = list(ToolCall.objects.filter(run=run).values_list("name", "result"))
        # What any other tool read or did belongs to this conversation.
        if any(name not in _TOOLS for name, _ in calls):
            return
        cited = [(source.number, source.passage_id) for source in outcome.sources]
        read = {UUID(str(row["passage"])) for _, result in calls for row in result.get("passages", ())}
        read |= {passage for _, passage in cited}
        if _are_public(read):
            loose_cache.keep(self.key, (outcome.text, cited, read), seconds=KEEP_SECONDS, what="answer")


_NOTHING: Final = RunOutcome("", 0)


def _are_public(passages: set[UUID]) -> bool:
    """Return True if everybody may still read all of the passages that an answer may be made of."""
    public = Passage.objects.filter(pk__in=passages, collection__audience="public")
    return int(public.count()) == len(passages)
