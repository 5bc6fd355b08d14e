"""What the built-in model may be taught about a field of work: its words, its tools and their sentences."""

from collections.abc import Mapping, Sequence
from typing import Any

from agents.llm.built_in import words
from agents.llm.built_in.text import Clause
from agents.llm.built_in.types import Call, Memory, Pending

Advice = Mapping[str, tuple[str, str]]


class PhraseBook:
    """The words of one field of work.

    This one knows none: with it, the model answers from the organisation's documents, or brings in a person.
    """

    keywords: Sequence[str] = ()
    """Words towards which typing errors are corrected."""
    kept_words: frozenset[str] = frozenset()
    """Other words that are never taken for a typing error."""
    acting: frozenset[str] = frozenset()
    """Tools that request a change."""
    reading: frozenset[str] = frozenset()
    """Tools that a question may lead to."""
    never: frozenset[str] = frozenset()
    """Topics of commands that agents cannot follow; `sayings` has what to answer."""
    required: Mapping[str, tuple[str, ...]] = {}
    """The arguments that each tool needs, in the order of our questions for them."""
    names: frozenset[str] = frozenset()
    """Arguments whose values are chosen from a list that we offer."""
    free_text: frozenset[str] = frozenset()
    """Arguments in the person's own words, in any language."""
    amount: str = ""
    """The argument that is an amount of money."""
    subject: str = ""
    """The argument that "it" means in the next message."""
    asides: frozenset[str] = frozenset()
    """What `arguments` returns for our questions alone, and no tool takes."""
    things: tuple[str, ...] = ()
    """Nouns that may follow a number in an answer: "the second page"."""
    experts: Mapping[str, str] = {}
    """The type of the agent that knows each tool best."""
    sayings: Mapping[str, str] = {}
    """Answers by topic."""
    brief: Mapping[str, Advice] = {}
    """Sentences of a daily brief by language and finding: what is so, and what to do."""

    def acting_topic(self, clause: Clause) -> str | None:
        """Return the acting tool that a clause would command, or one of `never`."""
        return None

    def reading_topic(self, clause: Clause) -> str:
        """Return the tool that a clause asks about, or ""."""
        return ""

    def writing(self, clause: Clause) -> tuple[Call, ...]:
        """Return the calls for a piece of writing that a clause asks for, before any other question is looked for."""
        return ()

    def questions(self, clause: Clause) -> tuple[Call, ...]:
        """Return the calls that answer a question about figures."""
        return ()

    def arguments(self, tool: str, clause: Clause, memory: Memory) -> tuple[dict[str, str], str]:
        """Return the arguments that a clause gives for a tool, and what is wrong with its amount."""
        return {}, ""

    def lacks(self, tool: str, found: Mapping[str, str]) -> str:
        """Return the first required argument that is missing, or "" when the command is complete."""
        return next((name for name in self.required[tool] if not found.get(name)), "")

    def look(self, topic: str, clause: Clause, *, about: str) -> tuple[str, dict[str, str]]:
        """Return the tool that answers a question, or the topic itself, with arguments; `about` is its command."""
        return topic, {}

    def amount_in(self, clause: Clause) -> tuple[dict[str, str], str]:
        """Return the arguments for the one amount a clause names, or why there is none."""
        return {}, "missing"

    def answer(self, clause: Clause, pending: Pending, whole: str) -> dict[str, str]:
        """Return the missing argument as a short answer gives it; `whole` is all that was said."""
        return {pending.missing: whole}

    def advice(self, found: Mapping[str, str]) -> Call | None:
        """Return the call that helps somebody decide who asks our opinion."""
        return None

    def returned(self, text: str, memory: Memory) -> Pending | None:
        """Return what a person may give for a request that was sent back; `text` says so."""
        return None

    def deed(self, pending: Pending) -> str:
        """Return what a complete command would do, as a verb phrase; "" for what is no command."""
        return ""

    def question(self, pending: Pending) -> str:
        """Return the question for the missing argument."""
        return ""

    def word(self, tool: str, result: Mapping[str, Any]) -> str:
        """Return a tool's result as sentences, or "" for a tool of somebody else."""
        return ""


_book = PhraseBook()


def register(new: PhraseBook) -> None:
    """Teach the model a field of work, in place of the one before."""
    global _book
    _book = new
    words.learn(new.keywords, new.kept_words)


def book() -> PhraseBook:
    """Return the phrase book that was registered last."""
    return _book
