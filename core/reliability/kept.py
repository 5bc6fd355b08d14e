"""Settings that a process keeps for `KEEP_SETTINGS_SECONDS`: they cost no query each time, and a change counts soon.

Never for what somebody may do, or has stopped or released: that is read each time.
"""

import time
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from django.conf import settings

from core.observability import metrics
from core.tenancy.scope import current_tenant_id

MOST: Final = 1000
T = TypeVar("T")
_kept: dict[Hashable, tuple[float, Any]] = {}


def keep(read: Callable[[], T], name: str, *of: Hashable, seconds: float | None = None) -> T:
    """Return what `read` returned for the tenant in scope and this key a moment ago; call it where that is too old.

    With `seconds` it may be that old; for what nobody waits for.
    """
    key = (current_tenant_id(), name, *of)
    read_at, found = _kept.get(key, (0.0, None))
    oldest = settings.KEEP_SETTINGS_SECONDS if seconds is None else seconds
    is_fresh = bool(read_at) and time.monotonic() - read_at < oldest
    metrics.note_cache_read("process", is_hit=is_fresh)
    if is_fresh:
        return found  # type: ignore[no-any-return]
    if len(_kept) >= MOST:
        _kept.clear()
    now_found = read()
    _kept[key] = (time.monotonic(), now_found)
    return now_found


def forget() -> None:
    """Forget all that this process keeps."""
    _kept.clear()
