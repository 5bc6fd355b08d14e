"""How one's brief would look now: put together at most once in a while, never twice at a time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.core.cache import cache

from analytics.brief.compose import compose
from analytics.models import BriefPreference
from analytics.selectors import own_preference, person_of
from core.actors import Actor
from core.clock import now as clock_now
from core.errors import TooMany
from core.privacy.encryption import open_text, seal_text
from core.tenancy.scope import current_tenant_id

KEPT: Final = timedelta(minutes=10)
PAUSE: Final = timedelta(minutes=1)
PATIENCE: Final = 4.0
"""Seconds that a person who looks at a preview waits for each of the agents."""
WORDS_WITHIN: Final = 8.0
"""Seconds that he waits for the words above; after that the built-in rules write them."""
BUSY_SECONDS: Final = 30
_PURPOSE: Final = "brief-preview"


@dataclass(frozen=True, slots=True)
class Preview:
    """The content of a brief that was not sent, and when it was put together."""

    content: dict[str, Any]
    made_at: datetime


def preview_brief(*, viewer: Actor, now: datetime | None = None) -> Preview:
    """Return the viewer's brief as it looks now, or looked at most ten minutes ago; sends nothing.

    Needs `analytics.use_brief`. Raises `TooMany` while it is being put together for him already. Asks
    the outside, so call it outside a transaction.
    """
    moment, wanted = now or clock_now(), own_preference(viewer=viewer)
    key = _key(viewer, wanted, moment)
    found = _read(key)
    if found is not None:
        return found
    if not cache.add(f"{key}:busy", 1, timeout=BUSY_SECONDS):
        raise TooMany("Your preview is being put together. Look again in a moment.")
    try:
        made = Preview(_composed(viewer, wanted, moment), moment)
        kept = json.dumps({"at": moment.isoformat(), "content": made.content})
        cache.set(key, seal_text(kept, purpose=_PURPOSE), timeout=int(KEPT.total_seconds()))
    finally:
        cache.delete(f"{key}:busy")
    return made


def kept_preview(*, viewer: Actor, now: datetime | None = None) -> Preview | None:
    """Return what `preview_brief` would answer without any work; None when it would have to be made."""
    return _read(_key(viewer, own_preference(viewer=viewer), now or clock_now()))


def renew_preview(*, viewer: Actor, now: datetime | None = None) -> None:
    """Have the viewer's next look put together anew, at most once a minute.

    Needs `analytics.use_brief`; raises `TooMany`.
    """
    moment = now or clock_now()
    key = _key(viewer, own_preference(viewer=viewer), moment)
    found = _read(key)
    if found is not None and moment - found.made_at < PAUSE:
        raise TooMany("The preview is less than a minute old. Wait a moment.")
    cache.delete(key)


def _composed(viewer: Actor, wanted: BriefPreference, moment: datetime) -> dict[str, Any]:
    return compose(
        viewer=viewer,
        sections=wanted.sections,
        language=wanted.language,
        day=moment.astimezone(ZoneInfo(wanted.zone)).date(),
        now=moment,
        seconds=PATIENCE,
        words_within=WORDS_WITHIN,
    )


def _key(viewer: Actor, wanted: BriefPreference, moment: datetime) -> str:
    """Return where it is kept: other settings, rights or days make another one."""
    day = moment.astimezone(ZoneInfo(wanted.zone)).date().isoformat()
    rights = [viewer.role, *sorted(viewer.permissions)]
    wish = json.dumps([wanted.sections, wanted.language, day, rights])
    mark = hashlib.sha256(wish.encode()).hexdigest()[:16]
    return f"{current_tenant_id()}:brief-preview:{person_of(viewer)}:{mark}"


def _read(key: str) -> Preview | None:
    sealed = cache.get(key)
    if sealed is None:
        return None
    kept = json.loads(open_text(sealed, purpose=_PURPOSE))
    return Preview(kept["content"], datetime.fromisoformat(kept["at"]))
