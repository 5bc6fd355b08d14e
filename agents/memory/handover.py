"""Compose the summary of a conversation for the person who takes it over (pure): no model takes part."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

SHOWN: Final = 3
LONGEST: Final = 200
_SMALL_TALK: Final = re.compile(
    r"(?:\W|\b(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|thanks?|thank you|ok(?:ay)?|yes|no|great|please|"
    r"hallo|guten (?:tag|morgen|abend)|danke|ja|nein|bonjour|bonsoir|merci|oui|non|hola|buenos d[ií]as|gracias|s[ií]|"
    r"there|you|so much|very much)\b)*+",  # possessive: "thank you" is two words as well
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the conversation, masked; `by` is "customer", "agent", "person" or "system"."""

    message_id: UUID
    by: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that an agent or a colleague made in the conversation."""

    approval_id: UUID
    reference: str
    summary: str = field(repr=False)
    state: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Remembered:
    """A fact about the contact, masked."""

    kind: str
    label: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What an agent answered, and the titles of its sources."""

    message_id: UUID
    text: str = field(repr=False)
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Handover:
    """What a person has to know who takes a conversation over, oldest first; every text is masked."""

    wants: tuple[str, ...]
    answered: tuple[Answered, ...]
    requests: tuple[Asked, ...]
    unanswered: tuple[str, ...]
    unknown: tuple[str, ...]
    has_draft: bool
    facts: tuple[Remembered, ...]

    @property
    def open_requests(self) -> tuple[Asked, ...]:
        """Return the requests that are not finished."""
        return tuple(request for request in self.requests if request.is_open)

    @property
    def is_empty(self) -> bool:
        """Return True if there is nothing to tell."""
        return not any((self.wants, self.answered, self.requests, self.unknown, self.has_draft, self.facts))


def compose(
    messages: Sequence[Said],
    *,
    sources: Mapping[UUID, Sequence[str]],
    requests: Sequence[Asked],
    unknown: Sequence[str],
    has_draft: bool,
    facts: Sequence[Remembered],
) -> Handover:
    """Return the summary of a conversation from its newest messages, oldest first, and what is stored about them.

    `sources` has the titles that an answer named, `unknown` the questions that no document answered.
    """
    customers = (message for message in messages if message.by == "customer")
    stated = [message for message in customers if not _SMALL_TALK.fullmatch(message.text[:LONGEST])]
    answers = [message for message in messages if message.by == "agent" and message.text.strip()]
    replied = max((place for place, message in enumerate(messages) if message.by in ("agent", "person")), default=-1)
    waiting = {message.message_id for message in messages[replied + 1 :]}
    return Handover(
        wants=_newest([message.text for message in stated]),
        answered=tuple(
            Answered(message.message_id, _cut(message.text), tuple(dict.fromkeys(sources.get(message.message_id, ()))))
            for message in answers[-SHOWN:]
        ),
        requests=tuple(requests),
        unanswered=_newest([message.text for message in stated if message.message_id in waiting]),
        unknown=_newest(unknown),
        has_draft=has_draft,
        facts=tuple(facts),
    )


def _newest(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the newest texts, each once, cut."""
    once: dict[str, str] = {}
    for text in reversed(texts):
        once.setdefault(" ".join(text.casefold().split()), text)
    return tuple(_cut(text) for text in list(once.values())[:SHOWN][::-1])


def _cut(text: str) -> str:
    """Return the first paragraph, cut at a word."""
    words = " ".join(text.strip().split("\n\n")[0].split())
    if len(words) <= LONGEST:
        return words
    return f"{words[: LONGEST - 2].rpartition(' ')[0] or words[: LONGEST - 2]} …"
