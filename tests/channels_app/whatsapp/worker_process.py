"""Works deliveries in a process of its own and stalls at a place, so that a test can kill it there."""

import os
import sys
import time

import django


def _stall() -> None:
    print("reached", flush=True)  # noqa: T201
    time.sleep(600)


def main() -> None:
    """Stall "before" or "after" the message is received."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from channels_app import deliveries
    from channels_app.whatsapp import arriving

    def work(delivery: object) -> None:
        if sys.argv[1] == "after":
            arriving.work(delivery)  # type: ignore[arg-type]
        _stall()

    deliveries._workers["twilio"] = work
    deliveries.work_due()


if __name__ == "__main__":
    main()
