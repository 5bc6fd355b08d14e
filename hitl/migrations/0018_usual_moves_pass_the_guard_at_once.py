"""The guard of approvals lets a legal move that changes nothing signed pass by one look; all others as before."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations

_before = import_module("hitl.migrations.0015_only_what_is_the_persons_is_emptied").GUARD
_PAIRS = import_module("hitl.migrations.0002_guard_the_state").PAIRS
_BEGIN = "  if (new.tenant_id, new.id, new.reference, new.kind)\n"
_USUAL = f"""
  if new.version = old.version + 1
     and (old.state || '>' || new.state) = any (array{_PAIRS})
     and new.digest = old.digest and new.payload = old.payload and new.kind_version = old.kind_version
     and new.id = old.id and new.tenant_id = old.tenant_id
     and new.reference = old.reference and new.kind = old.kind then
    return new;
  end if;
"""
GUARD = _before.replace(_BEGIN, _USUAL + _BEGIN)


class Migration(migrations.Migration):
    """Replace the function behind the trigger."""

    dependencies: ClassVar = [("hitl", "0017_link_policy")]
    operations: ClassVar = [migrations.RunSQL(GUARD, _before)]
