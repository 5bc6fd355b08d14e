"""The guard of approvals lets the bytes of a final one be erased while a person of the tenant is."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations

_first = import_module("hitl.migrations.0002_guard_the_state")
_BEGIN = "  if new.version = old.version then\n"
_ERASED = """
  if new.version = old.version and new.payload is distinct from old.payload
     and new.payload = '{"erased": true}'::jsonb
     and old.state = any (array['executed', 'failed', 'rejected', 'expired', 'cancelled', 'superseded'])
     and (new.state, new.revision, new.digest, new.holds, new.level)
         is not distinct from (old.state, old.revision, old.digest, old.holds, old.level)
     and exists (select 1 from core_erasure e where e.tenant_id = new.tenant_id and e.state = 'working') then
    return new;
  end if;
"""


def _function(body: str) -> str:
    start = body.index("create function hitl_guard_approval")
    return body[start : body.index("create trigger")].replace("create function", "create or replace function")


GUARD = _function(_first.GUARD).replace(_BEGIN, _ERASED + _BEGIN)


class Migration(migrations.Migration):
    """Replace the function behind the trigger."""

    dependencies: ClassVar = [("hitl", "0013_decisions_are_sealed"), ("core", "0004_people_are_erased")]
    operations: ClassVar = [migrations.RunSQL(GUARD, _function(_first.GUARD))]
