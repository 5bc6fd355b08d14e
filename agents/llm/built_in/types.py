"""Value types of the built-in model: calls, open questions, decisions, memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.text.speech import gettext_noop

PERSON = "bring_person"
WITHDRAW = "withdraw_request"
ANSWER = "answer_approvers"
RESUBMIT = "resubmit_request"
WAITING = "what_is_waiting"
SEND_FILE = "send_file"
HAPPENED = "what_happened"
NOT_KNOWN = gettext_noop("I couldn't find an answer to that.")
NO_LOOKUP = gettext_noop("I can't look up {number} myself.")
WHICH_NUMBER = gettext_noop("Which one do you mean? Please send me its number, or the name that it is under.")
VAGUE = gettext_noop("I need a little more to go on: what exactly should change, and to what?")
CORRECTED = gettext_noop("All right, I go by what you say now. Nothing has been changed yet.")
WHICH = gettext_noop("Which one do you mean?")
IS_IT = gettext_noop("Is that the one you mean?")
FOREIGN = "foreign:"
"""How the topic of a message begins that is not in English; its language follows."""
NO_NUMBER = "no_lookup:"
"""How the topic of a message begins that names a number nothing here looks up; the number follows."""
CHOICES = "which:"
"""How the topic of a question begins that several documents answer; their titles follow, one a line."""
ABILITIES = "list_abilities"
PERSON_OFFER = gettext_noop("Would you like me to bring in a colleague?")
Kind = Literal["call", "ask", "say"]


@dataclass(frozen=True)
class Call:
    """A tool and what to call it with; amounts stay text."""

    tool: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    acting: bool = False


@dataclass(frozen=True)
class Pending:
    """A command that still needs something: an argument, or a clear yes."""

    tool: str
    arguments: Mapping[str, str]
    missing: str
    why: str = "missing"


@dataclass(frozen=True)
class Decision:
    """What one message leads to. `topic` names the wording where the model only speaks."""

    kind: Kind
    calls: tuple[Call, ...] = ()
    topic: str = ""
    pending: Pending | None = None


@dataclass(frozen=True)
class Memory:
    """What earlier messages left open.

    `subject` is what "it" means; `choices` are the names offered in our last answer.
    """

    pending: Pending | None = None
    subject: str = ""
    choices: tuple[str, ...] = ()
