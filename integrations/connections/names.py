"""Names of connections: one line, and one for each provider."""

from typing import Final

from core.errors import Conflict, Invalid
from core.text.clean import clean_text
from integrations.models import ProviderAccount

NAME_LIMIT: Final = 80


def checked_name(name: str) -> str:
    """Return a name, stripped. Raises Invalid with the field."""
    wanted = clean_text(name, NAME_LIMIT + 1)
    if not wanted or len(wanted) > NAME_LIMIT or not wanted.isprintable():
        wrong = {"name": [f"Use 1 to {NAME_LIMIT} characters in one line."]}
        raise Invalid("This name isn't valid.", fields=wrong)
    return wanted


def refuse_name(provider: str, name: str) -> None:
    """Raise Conflict if a connection of the provider has this name."""
    if ProviderAccount.objects.filter(provider=provider, name=name).exists():
        raise name_in_use()


def name_in_use() -> Conflict:
    """Return the error for a name that is taken."""
    say = "There is a connection of this name. Choose another name, or reconnect that one."
    return Conflict(say, code="exists")
