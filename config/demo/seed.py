"""Seeds the whole demo; every step finds out by itself whether it is done."""

from collections.abc import Callable

from config.demo.briefs import ensure_briefs
from config.demo.cast import ORGANISATIONS, Organisation
from config.demo.history import ensure_history
from config.demo.people import ensure_people, ensure_tenant
from config.demo.setting import ensure_setting
from core.tenancy.scope import tenant_scope


def seed_demo(*, say: Callable[[str], object]) -> None:
    """Create the demo organisations with their people, setting and history."""
    for organisation in ORGANISATIONS:
        say(f"Seeding {organisation.name} ...")
        _seed(organisation)


def _seed(organisation: Organisation) -> None:
    with tenant_scope(ensure_tenant(organisation)):
        people = ensure_people(organisation)
        ensure_setting(organisation, people)
        ensure_history(organisation, people)
        ensure_briefs(organisation, people)
