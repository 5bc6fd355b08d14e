"""Texts of notifications that an organisation writes itself: their variables, checked and filled in (pure)."""

import re
from collections.abc import Mapping
from string import Formatter
from typing import Final

VARIABLES: Final[Mapping[str, str]] = {
    "reference": "the number of the request, such as BR-1042",
    "headline": "what would happen, with personal data masked",
    "risk": "the risk in words, such as High risk",
    "due": "when a decision is due",
    "organisation": "the name of your organisation",
}
"""All variables; none holds personal data."""
LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
"""The language tags (BCP-47) that are accepted: language, script, region."""
SUBJECT_LIMIT: Final = 150
BODY_LIMIT: Final = 1000


def variables_of(template: str) -> tuple[str, ...]:
    """Return the variables of a message; those to requesters have nothing that is due."""
    return tuple(name for name in VARIABLES if name != "due" or not template.startswith("request_"))


def problems_of(text: str, template: str) -> list[str]:
    """Return what is wrong with a text, each as a sentence; empty if it can be filled in."""
    allowed = variables_of(template)
    try:
        fields = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(text) if name is not None]
    except ValueError:
        return ["A brace isn't closed. Write {reference}, or {{ and }} for braces that should be shown."]
    names = [
        name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
        for name, spec, conversion in fields
    ]
    unknown = [name for name in dict.fromkeys(names) if name not in allowed]
    known = ", ".join(f"{{{name}}}" for name in allowed)
    return [f"There is no variable {{{name}}} here. Use {known}." for name in unknown]


def fill_in(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its variables replaced, and nothing else: no attributes, indexes or formats.

    Raises KeyError for a variable without a value, ValueError for a brace without its other half.
    """
    filled = []
    for literal, name, spec, conversion in Formatter().parse(text):
        filled.append(literal)
        if name is not None:
            if spec or conversion:
                raise ValueError("a variable has no format")
            filled.append(values[name])
    return "".join(filled)


def languages_to_try(language: str) -> list[str]:
    """Return where a text is looked for: de-AT, then de, then "", the organisation's own for every language."""
    parts = language.split("-")
    tries = ["-".join(parts[:count]) for count in range(len(parts), 0, -1)]
    return [*(tag for tag in tries if tag), ""]
