"""Works an erasure in a process of its own and stalls within a batch, so that a test can kill it there."""

import os
import sys
import time
from uuid import UUID

import django


def main() -> None:
    """Stall in the middle of the batch with the given number, after its writes and before its commit."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from core.privacy.erasure import services
    from core.tenancy.scope import tenant_scope

    tenant_id, erasure_id, number = UUID(sys.argv[1]), UUID(sys.argv[2]), int(sys.argv[3])
    save = services.Erasure.save  # type: ignore[attr-defined]
    saved = 0

    def stalling(row: services.Erasure, **options: object) -> None:  # type: ignore[name-defined]
        nonlocal saved
        save(row, **options)  # type: ignore[arg-type]
        saved += 1
        if saved == number:
            print("reached", flush=True)  # noqa: T201
            time.sleep(600)

    services.Erasure.save = stalling  # type: ignore[assignment, attr-defined, method-assign]
    with tenant_scope(tenant_id):
        while services.work_on(erasure_id=erasure_id, limit=3):
            pass


if __name__ == "__main__":
    main()
