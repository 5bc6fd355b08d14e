"""Figures: how soon an event is counted, what rolling up costs and what pages read, with more and more stored."""

from __future__ import annotations

import argparse
import os

import django

from bench._environment import describe_database, describe_machine, say

django.setup()

from accounts.models import Membership, Tenant  # noqa: E402
from accounts.services import actor_for_user  # noqa: E402
from bench import _figures  # noqa: E402
from core.tenancy.scope import platform_scope, tenant_scope  # noqa: E402


def main() -> int:
    """Measure, print, and return 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="./walker bench figures", description=__doc__)
    parser.add_argument(
        "--most", type=int, default=1_000_000, choices=list(_figures.DAYS), help="events stored (default 1000000)"
    )
    parser.add_argument("--turns", type=int, default=15, help="times that each thing is measured (default 15)")
    options = parser.parse_args()
    say("\n".join([*describe_machine(), *describe_database()]))
    with platform_scope():
        tenant_id = Tenant.objects.order_by("created_at").values_list("pk", flat=True)[0]
    with tenant_scope(tenant_id):
        owner = Membership.objects.select_related("user").get(role="owner").user
        tenant = _figures.Tenant(tenant_id, actor_for_user(owner), os.environ["DATABASE_OWNER_URL"])
        sizes = [size for size in _figures.DAYS if size <= options.most]
        held = _figures.measure(tenant, sizes, options.turns)
    say("\nall targets held" if held else "\nA TARGET WAS MISSED: the exit code is 1")
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
