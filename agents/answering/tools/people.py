"""Reading tools: audiences for members, and a way to a colleague for everyone."""

from collections.abc import Collection
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import Field

from agents.answering.audiences import list_both
from agents.answering.tools.files import SendFile
from agents.answering.tools.registry import FOR_EVERY_AGENT, Arguments, Caller, Tool, get, is_known, register
from agents.selectors import active_tools
from core.text.speech import gettext, gettext_noop

BROUGHT: Final = {
    "asked_for_person": gettext_noop("Of course. I'm bringing in a colleague, who'll reply here."),
    "no_answer": gettext_noop("I'd rather have a colleague look at this. They'll reply here."),
    "language": gettext_noop("Thank you for your message. A colleague will reply here."),
}
"""What the person reads, by the reason why a colleague is brought in."""


class Why(Arguments):
    """Why a colleague is needed."""

    reason: Literal["asked_for_person", "language", "no_answer"] = Field(
        "asked_for_person",
        description='"language" when you do not speak the language that the person writes, '
        '"no_answer" when you found no answer twice',
    )


class ReadingTool(Tool):
    """Base of the tools that change nothing."""

    only_reads = True


@register
class ListAudiences(ReadingTool):
    """Groups of people to message."""

    key = "list_audiences"
    title = "List audiences"
    ability = "list the audiences"
    description = "Audiences: their size on the platform, and how many people can be messaged here."
    audience = "member"
    outside = True

    def works_here(self, connected: Collection[str]) -> bool:
        return bool(connected)

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        return {"audiences": list_both()}


@register
class BringPerson(ReadingTool):
    """Hands the conversation to a colleague."""

    key = "bring_person"
    title = "Bring in a colleague"
    ability = gettext_noop("bring in a colleague")
    description = "Hand the conversation to a colleague when the person asks for one."
    audience = "public"
    arguments = Why
    per_hour = 0

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        reason = Why.model_validate(arguments.model_dump()).reason
        return {"sentence": gettext(BROUGHT[reason]), "hand_off": reason}


@register
class ListAbilities(ReadingTool):
    """Lists what the organisation's agents can do for the person who asks."""

    key = "list_abilities"
    title = "List abilities"
    ability = gettext_noop("tell you what I can help with")
    description = "What this person can ask for here, from you or another agent of this organisation."
    audience = "public"
    per_hour = 0

    def call(self, arguments: Arguments, *, caller: Caller, call_id: UUID) -> dict[str, Any]:
        names = dict.fromkeys([*active_tools(), *FOR_EVERY_AGENT])
        tools = [get(name) for name in names if is_known(name)]
        suiting = [tool for tool in tools if tool.key not in {self.key, *caller.other_teams} and tool.suits(caller)]
        if not any(tool.outside for tool in suiting):
            # Nothing that this person may read has figures to put into a file.
            suiting = [tool for tool in suiting if tool.key != SendFile.key]
        return {
            "reads": [gettext(tool.ability) for tool in suiting if not tool.acting],
            "asks": [gettext(tool.ability) for tool in suiting if tool.acting],
        }
