"""Runs one execution in a process of its own, so that a test can kill it: tenant id, approval id."""

import os
import sys

import django


def main() -> None:
    """Execute the approval named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from uuid import UUID

    from core.scope import tenant_scope
    from hitl.services import execute
    from tests.hitl.kinds import register_kinds

    register_kinds()
    with tenant_scope(sys.argv[1]):
        execute(UUID(sys.argv[2]))


if __name__ == "__main__":
    main()
