"""Judges a SCIM service by scim2-tester: `scim_tester.py URL TOKEN` prints what failed, and how many checks passed."""

import json
import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

FINE = (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE, Status.SKIPPED)
url, token = sys.argv[1:]
with Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30) as client:
    results = check_server(SyncSCIMClient(client))
failed = [f"{one.resource_type} {one.title}: {one.reason}" for one in results
          if one.status not in FINE]  # fmt: skip
passed = sum(one.status == Status.SUCCESS for one in results)
sys.stdout.write(json.dumps({"failed": failed, "passed": passed}))
