"""System checks: a kind of action that agents could not offer, or of which an answer could claim anything."""

import re
from typing import Any, Final

from django.core.checks import CheckMessage, Error, register

from hitl.actions import registry

_TOOL_NAME: Final = re.compile(r"[a-z0-9_]{1,60}")


@register
def check_kinds(**_: Any) -> list[CheckMessage]:
    """Report kinds without ability, description or claim words, and keys that can't be names of tools."""
    problems: list[CheckMessage] = []
    for key in registry.keys():  # noqa: SIM118  (a registry, not a dict)
        kind = registry.get(key)
        if not (kind.ability and kind.description):
            hint = "Say what an agent can do with it (`ability`) and what a model reads of it (`description`)."
            missing = "description" if kind.ability else "ability"
            problems.append(Error(f"The kind of action {key!r} has no {missing}.", hint=hint, id="hitl.E001"))
        if kind.claim_words is None:
            hint = "Give `claim_words`; an empty ClaimWords() if only a request's reference proves that it was done."
            problems.append(Error(f"The kind of action {key!r} has no claim words.", hint=hint, id="hitl.E002"))
        if not _TOOL_NAME.fullmatch(key):
            hint = "Use at most 60 lower-case letters, digits and underscores: vendors of models refuse other names."
            problems.append(
                Error(f"The kind of action {key!r} has a key that models can't call.", hint=hint, id="hitl.E003")
            )
    return problems
