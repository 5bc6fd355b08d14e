"""Works on a contact of a CRM in a process of its own that stalls behind a call, so that a test can kill it there."""

import os
import sys
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import django


def main() -> None:
    """Stall behind the call that is named, before anything of it is committed; "" to stall nowhere."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from core.clock import now
    from core.tenancy.scope import tenant_scope
    from hub.crm import worker
    from integrations.crm import services

    name, tenant_id, row_id = sys.argv[1], UUID(sys.argv[2]), UUID(sys.argv[3])
    if name:
        call = getattr(services, name)

        def stall(*given: Any, **more: Any) -> None:
            call(*given, **more)
            print("reached", flush=True)  # noqa: T201
            time.sleep(600)

        setattr(services, name, stall)
    else:
        print("reached", flush=True)  # noqa: T201
    with tenant_scope(tenant_id):
        worker.send_contact(row_id=row_id, now=now() + timedelta(seconds=30))


if __name__ == "__main__":
    main()
