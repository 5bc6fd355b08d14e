"""Works deliveries in a process of its own and stalls at a place, so that a test can kill it there."""

import os
import signal
import sys
import time
from datetime import timedelta

import django


def _stall() -> None:
    print("reached", flush=True)  # noqa: T201
    time.sleep(600)


def main() -> None:
    """Stall "before" or "after" the message is received; with "poison", only at a message that says so."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from channels_app.twilio import handler
    from channels_app.webhooks import deliveries
    from core.clock import now

    def work(delivery: object) -> None:
        if sys.argv[1] == "after":
            handler.receive_delivery(delivery)  # type: ignore[arg-type]
        _stall()

    def work_poison(delivery: object) -> None:
        if "poison" in delivery.body:  # type: ignore[attr-defined]
            os.kill(os.getpid(), signal.SIGKILL)
        handler.receive_delivery(delivery)  # type: ignore[arg-type]

    deliveries._handlers["twilio"] = work_poison if sys.argv[1] == "poison" else work
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    deliveries.dispatch_due_deliveries(now=now() + timedelta(seconds=seconds))


if __name__ == "__main__":
    main()
