"""Hands mail over in a process of its own and stalls at a place, so that a test can kill it there."""

import os
import sys
import time
from typing import Any

import django


def _stall(*_: Any, **__: Any) -> None:
    print("reached", flush=True)  # noqa: T201
    time.sleep(600)


def main() -> None:
    """Stall "before the call" or "before the note"; "in the call" says that it goes, and the provider stalls."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from integrations.mail import delivery
    from integrations.mail.providers import routes

    if sys.argv[1] == "before the call":
        routes.find_route = _stall  # type: ignore[assignment]
    elif sys.argv[1] == "before the note":
        delivery._record_outcome = _stall
    else:
        print("reached", flush=True)  # noqa: T201
    delivery.deliver_due()


if __name__ == "__main__":
    main()
