"""Find who is mentioned in a text as `@name` (pure)."""

import re
from collections import Counter
from collections.abc import Mapping
from uuid import UUID


def mentioned_in(text: str, names: Mapping[UUID, str]) -> frozenset[UUID]:
    """Return who is named in full after an `@`; a name that two people share mentions neither."""
    if "@" not in text:
        return frozenset()
    known = {person: " ".join(name.split()).casefold() for person, name in names.items()}
    times, plain = Counter(known.values()), " ".join(text.split()).casefold()
    return frozenset(
        person
        for person, name in known.items()
        if name and times[name] == 1 and re.search(rf"@{re.escape(name)}(?!\w)", plain)
    )
