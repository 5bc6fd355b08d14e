"""The questions the built-in model asks back, word for word the same each time."""

from agents.llm.built_in.phrases import book
from agents.llm.built_in.types import Pending


def ask(pending: Pending) -> str:
    """Return the question for the missing argument, or "" where it is not asked again."""
    if pending.missing != "yes":
        return book().question(pending)
    deed = book().deed(pending)
    # Without one it is the offer of a colleague: made in passing, never asked again.
    return f"Should I request approval to {deed} now? Please answer yes or no." if deed else ""
