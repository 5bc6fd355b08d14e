"""Save, change and delete dashboards of figures.

They hold names of figures and no figures: a shared one shows each viewer what their own rights allow.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from accounts.models import Membership
from analytics.figure_pages.cards import CARDS
from analytics.models import FigureDashboard
from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.db.rows import get_or_missing
from core.errors import Conflict, Invalid
from core.privacy import pii
from core.text.clean import clean_text

SEE: Final = "analytics.view_team_figures"
MOST: Final = 30
MOST_CARDS: Final = 24
LONGEST_NAME: Final = 40
DAYS: Final = (1, 7, 30, 90, 365)


def query_dashboards(*, viewer: Actor) -> QuerySet[FigureDashboard]:
    """Return the viewer's own dashboards and those that are shared.

    Needs `analytics.view_team_figures`; raises Refused.
    """
    viewer.require(SEE)
    return FigureDashboard.objects.filter(Q(owner_id=viewer.user_id) | Q(is_shared=True)).order_by("name", "pk")


def create_dashboard(
    *, actor: Actor, name: str, cards: Sequence[str], days: int = 30, is_shared: bool = False
) -> FigureDashboard:
    """Save cards under a name; a person has at most 30 dashboards of at most 24 cards.

    Rights as `query_dashboards`, for people only. Raises Refused, Invalid, and Conflict (`too_many_dashboards`).
    """
    own = query_dashboards(viewer=actor).filter(owner_id=actor.user_id)
    owner = actor.require_person("Only people have dashboards.")
    dashboard = FigureDashboard(owner_id=owner, **_checked(name, cards, days), is_shared=is_shared)
    with transaction.atomic():
        # One at a time, so that two at once can't exceed the limit.
        Membership.objects.select_for_update().filter(user_id=actor.user_id).first()
        if own.count() >= MOST:
            raise Conflict(f"You have {MOST} dashboards. Delete one first.", code="too_many_dashboards")
        return _stored(actor, dashboard, "analytics.dashboard_created")


def change_dashboard(
    *, actor: Actor, dashboard_id: UUID, name: str, cards: Sequence[str], days: int = 30, is_shared: bool = False
) -> FigureDashboard:
    """Change one of the actor's own dashboards. Raises Refused, Invalid, and NotFound for another person's too."""
    checked = _checked(name, cards, days)
    with transaction.atomic():
        dashboard = _own(actor, dashboard_id)
        for field, value in {**checked, "is_shared": is_shared, "changed_at": now()}.items():
            setattr(dashboard, field, value)
        return _stored(actor, dashboard, "analytics.dashboard_changed")


def delete_dashboard(*, actor: Actor, dashboard_id: UUID) -> None:
    """Delete one of the actor's own dashboards. Raises Refused, and NotFound for another person's too."""
    with transaction.atomic():
        dashboard = _own(actor, dashboard_id)
        pk, is_shared = dashboard.pk, dashboard.is_shared
        dashboard.delete()
        if is_shared:
            _record(actor, pk, "analytics.dashboard_deleted")


def _own(actor: Actor, dashboard_id: UUID) -> FigureDashboard:
    rows = query_dashboards(viewer=actor).select_for_update()
    return get_or_missing(rows.filter(pk=dashboard_id, owner_id=actor.user_id), "There is no such dashboard of yours.")


def _checked(name: str, cards: Sequence[str], days: int) -> dict[str, object]:
    title = " ".join(clean_text(name, LONGEST_NAME).split())
    problems: dict[str, list[str]] = {}
    if not title:
        problems["name"] = ["Enter a name."]
    elif pii.find(title):
        problems["name"] = ["Choose a name without phone numbers, email addresses and other personal data."]
    chosen = list(dict.fromkeys(cards))
    if not chosen:
        problems["cards"] = ["Choose at least one figure."]
    elif len(chosen) > MOST_CARDS:
        problems["cards"] = [f"Choose at most {MOST_CARDS} figures."]
    elif any(key not in CARDS for key in chosen):
        problems["cards"] = ["One of these figures doesn't exist."]
    if days not in DAYS:
        problems["days"] = [f"Choose one of {', '.join(str(each) for each in DAYS)} days."]
    if problems:
        raise Invalid(next(iter(problems.values()))[0], code="bad_dashboard", fields=problems)
    return {"name": title, "cards": chosen, "days": days}


def _stored(actor: Actor, dashboard: FigureDashboard, action: str) -> FigureDashboard:
    try:
        with transaction.atomic():
            dashboard.save()
    except IntegrityError:
        sentence = "You already have a dashboard with this name."
        raise Invalid(sentence, code="name_taken", fields={"name": [sentence]}) from None
    if dashboard.is_shared:
        _record(actor, dashboard.pk, action)
    return dashboard


def _record(actor: Actor, dashboard_id: UUID, action: str) -> None:
    """Note what others can see; a person's own dashboards are a preference, as saved views are."""
    chain.record(actor=actor, action=action, object_type="analytics.dashboard", object_id=dashboard_id)
