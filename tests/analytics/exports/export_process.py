"""Writes an export in a process of its own, as a worker does, and says what memory it took."""

import os
import resource
import sys
import time
from pathlib import Path
from uuid import UUID

import django
from django.urls import get_resolver

ONLY_HERE = ("greenlet", "jinja2", "pygments", "rich")
"""What comes with the packages of tests, and what others import where it is there; an installation has none of them."""


def main() -> None:
    """Print the memory before (MiB), at most (MiB), at most in a process it started (MiB), and the seconds."""
    sys.modules.update(dict.fromkeys(ONLY_HERE))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from analytics.exports import work
    from core.tenancy.scope import tenant_scope

    # A worker has the product's pages from the first link that it wrote into a notice.
    get_resolver().url_patterns  # noqa: B018

    tenant_id, export_id = UUID(sys.argv[1]), UUID(sys.argv[2])
    before, began = most_memory(), time.monotonic()
    with tenant_scope(tenant_id):
        work.write_export(export_id=export_id)
    other = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{before:.0f} {most_memory():.0f} {other:.0f} {time.monotonic() - began:.0f}")  # noqa: T201


def most_memory() -> float:
    """Return the most memory (MiB) this program had; what `getrusage` says begins with that of the parent."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


if __name__ == "__main__":
    main()
