"""The guard of approvals lets only those be emptied that an erasure at work has noted as the person's."""

from importlib import import_module
from typing import ClassVar

from django.db import migrations

_before = import_module("hitl.migrations.0014_what_is_signed_may_be_erased").GUARD
_WORKING = "e.state = 'working')"
GUARD = _before.replace(_WORKING, "e.state = 'working' and e.targets -> 'approvals' ? new.id::text)")


class Migration(migrations.Migration):
    """Replace the function behind the trigger."""

    dependencies: ClassVar = [
        ("hitl", "0014_what_is_signed_may_be_erased"),
        ("core", "0005_erasures_move_one_way"),
    ]
    operations: ClassVar = [migrations.RunSQL(GUARD, _before)]
