"""Console pages for operators alone: tiers, which say what organisations may use, and the installation."""

from functools import partial
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path

from accounts.models import Tier
from accounts.organisation import tiers
from accounts.organisation.settings import CHANGE
from accounts.permissions.operators import is_operator
from console.base.actions import ServiceAction
from console.base.crud import calls, creates, deletes, edits
from console.base.forms import AmountField, ConsoleForm, VersionedForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import ORGANISATION, SETTINGS, Nav
from console.pages.installation import NAME, PLACE, installation_view
from console.viewers import viewer_of
from core.actors import Actor
from core.reliability import limits

NOT_COUNTED: Final = "No limit"


class TierForm(VersionedForm):
    """A tier: its name, and a limit for each thing; an empty one is none."""

    name = forms.CharField(label="Name", max_length=tiers.NAME_LIMIT)
    members = forms.IntegerField(label="Members", required=False, min_value=0)
    agents = forms.IntegerField(label="Agents of their own", required=False, min_value=0)
    channels = forms.IntegerField(label="Channels", required=False, min_value=0)
    messages = forms.IntegerField(
        label="Messages a day",
        required=False,
        min_value=0,
        help_text="At the limit agents answer nobody, and customers' messages wait for a person.",
    )
    model_spend = AmountField(
        label="Cost of models a month",
        required=False,
        min_value=0,
        max_digits=14,
        decimal_places=2,
        help_text="In the organisation's own currency.",
    )
    requests = forms.IntegerField(
        label="API requests a minute",
        required=False,
        min_value=1,
        help_text="Takes the place of WALKER_TENANT_PER_MINUTE.",
    )
    sockets = forms.IntegerField(label="Live connections", required=False, min_value=0)
    storage = forms.IntegerField(label="Megabytes of files", required=False, min_value=0)


class OrganisationSlugForm(ConsoleForm):
    """An organisation, by its short name."""

    slug = forms.SlugField(label="Short name of the organisation", max_length=50)


def values_of(form: ConsoleForm) -> dict[str, Any]:
    """Return what a form says of a tier."""
    return {"name": form.cleaned_data["name"], "limits": {key: form.cleaned_data[key] for key in tiers.KEYS}}


@admin.register(Tier)
class TierAdmin(ServiceAdmin):
    """The installation's tiers. Who is no operator finds no page here."""

    view_permission = CHANGE
    nav = Nav("Tiers", "scale", SETTINGS, ORGANISATION, order=90)
    intro = "What organisations may use. You see this as an operator of this installation."
    empty_title = "No tiers yet"
    empty_text = "Without one an organisation has no limits but those of the installation."
    ordering = ("name",)
    list_display = ("name", "summary")
    detail_fields = ("name", *tiers.KEYS, "having", "created_at")
    to_list: ClassVar = ("remove",)
    site_pages: ClassVar = (PLACE,)

    def get_site_urls(self) -> list[URLPattern]:
        """Return the address of the page of the installation, which opens to the same people."""
        view = self.admin_site.admin_view(partial(installation_view, self))
        return [path("installation/", view, name=NAME)]

    def opens_to(self, viewer: Actor) -> bool:
        """Return True for operators who signed in with a second factor; one query more for those who might be one."""
        return viewer.may(CHANGE) and viewer.has_second_factor and is_operator(viewer)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tier]:
        """Return the tiers to operators, nothing to others."""
        return tiers.list_tiers(viewer=viewer_of(request)) if self.opens_to(viewer_of(request)) else Tier.objects.none()

    def prepare_detail(self, request: HttpRequest, obj: Tier) -> None:
        """Read which organisations have the tier."""
        obj.slugs = tiers.organisations_of(viewer=viewer_of(request), tier_id=obj.pk)  # type: ignore[attr-defined]

    summary = Column[Tier](
        "Limits",
        lambda tier: (
            ", ".join(
                f"{getattr(tier, key):,} {limits.kinds.get(key).unit}"
                for key in tiers.KEYS
                if getattr(tier, key) is not None
            )
            or NOT_COUNTED
        ),
    )
    having = Column[Any]("Organisations", lambda tier: ", ".join(tier.slugs) or "None")

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Start with what the tier says."""
        return {} if obj is None else {name: getattr(obj, name) for name in ("name", "version", *tiers.KEYS)}

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        """Return the action's form to operators; raises `PermissionDenied` for others."""
        if not self.opens_to(viewer_of(request)):
            raise PermissionDenied("Only operators of this installation can do this.")
        return super().action_form(request, action, obj, bound=bound)

    create = creates(
        tiers.create_tier,
        CHANGE,
        TierForm,
        title="New tier",
        values=values_of,
        explain="Leave a field empty for no limit.",
        done="The tier {} is there. Give it to an organisation.",
    )
    edit = edits(
        tiers.change_tier,
        "tier_id",
        CHANGE,
        TierForm,
        values=values_of,
        explain="Counts within a minute for every organisation that has it. What they use beyond a limit stays.",
        done="The tier {} is saved.",
    )
    give = calls(
        tiers.give_tier,
        "tier_id",
        title="Give to an organisation",
        permission=CHANGE,
        form=OrganisationSlugForm,
        submit="Give",
        tone="primary",
        explain="It takes the place of the tier that the organisation has.",
        done="The organisation has this tier now.",
    )
    take = calls(
        tiers.give_tier,
        title="Take away from an organisation",
        permission=CHANGE,
        form=OrganisationSlugForm,
        submit="Take away",
        tone="danger",
        explain="The organisation then has no limits but those of the installation.",
        done="The organisation has no tier now.",
    )
    remove = deletes(
        tiers.remove_tier,
        "tier_id",
        CHANGE,
        form=VersionedForm,
        explain="Only a tier that no organisation has can be removed.",
        done="The tier {} is removed.",
    )
