"""The console's page of emergency stops, and the banner while one is on."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from accounts.permissions import operators
from console.base.actions import ServiceAction, service_action
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import Column, SelectFilter
from console.base.model_admin import ServiceAdmin
from console.error_messages import describe_moment
from console.extensions import Banner, Notice, banners
from console.names import name_in, names_of
from console.navigation import APPROVALS, Nav
from console.templatetags.console_ui import chip, exact
from console.viewers import viewer_of
from core.actors import Actor
from hitl.approvals.admin.page.decision import SECOND_FACTOR
from hitl.execution import kill_switch_activation as activation
from hitl.killswitch import targets
from hitl.killswitch.describe import EVERYWHERE as ALL
from hitl.killswitch.describe import INSTALLATION, target_in_sentence, target_title
from hitl.killswitch.state import in_force, put_back_released
from hitl.models import GlobalKillSwitch, KillSwitch
from hitl.selectors.approvals import list_stops

EVERYTHING = ("tenant:", "Everything in this organisation")
EVERYWHERE = (f"{INSTALLATION}:", "Everything in all organisations")
RELEASE_ALL = "release-installation"
USE = "hitl.use_killswitch"
ONLY_OPERATORS = "Only the operator of this installation can resume activity."
CHANGED: Final = "Activity is paused: an emergency stop was changed outside Walker"
ABOUT_ALL = "If you choose all organisations, the staff of every organisation will see your reason."


class StateFilter(SelectFilter):
    """By state; by default what is stopped now."""

    title, parameter_name, any_label = "State", "state", "Stopped now"
    options = (("off", "Resumed"), ("all", "All"))

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = self.chosen()
        if chosen == "all":
            return queryset
        return queryset.exclude(in_force()) if chosen == "off" else queryset.filter(in_force())


class StopForm(ConsoleForm):
    what = forms.ChoiceField(label="What to stop")
    reason = forms.CharField(
        label="Reason",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Colleagues see this above the approval queue. Don't include personal data.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = self.initial.get("targets", [])  # type: ignore[attr-defined]
        self.fields["what"].help_text = self.initial.get("about_all", "")


@admin.register(KillSwitch)
class KillSwitchAdmin(ServiceAdmin):
    view_permission = "hitl.view_approval"
    nav = Nav("Emergency stop", "pause", APPROVALS, order=30)
    intro = "Stopped requests aren't executed. They can still be decided, and continue when activity resumes."
    empty_title = "Nothing is stopped"
    empty_text = "Agents act within the rules of your workflows."
    live_topic = "queue"
    list_display = ("what", "reason", "standing", "activated_by_name", "stopped", "went_on")
    list_filter: ClassVar = [StateFilter]
    ordering = ("-id",)
    detail_fields = ("what", "reason", "standing", "activated_by_name", "stopped", "released_by_name", "went_on")

    def prepare_rows(self, request: HttpRequest, rows: list[KillSwitch]) -> None:
        put_back_released(rows)
        people = names_of([person for row in rows for person in (row.activated_by_id, row.released_by_id)])
        target_names = targets.names()
        for row in rows:
            row.shown = {  # type: ignore[attr-defined]
                "what": target_title(row, target_names),
                "activated_by": name_in(people, row.activated_by_id, otherwise="The operator"),
                "released_by": name_in(people, row.released_by_id, otherwise="The operator"),
            }

    def object_title(self, switch: KillSwitch) -> str:
        return target_title(switch, targets.names())

    what = Column[KillSwitch]("What", lambda row: row.shown["what"])  # type: ignore[attr-defined]
    activated_by_name = Column[KillSwitch]("Stopped by", lambda row: row.shown["activated_by"])  # type: ignore[attr-defined]
    stopped = Column[KillSwitch]("Stopped", lambda row: exact(row.activated_at))
    went_on = Column[KillSwitch]("Resumed", lambda row: exact(row.released_at))

    @admin.display(description="State")
    def standing(self, switch: KillSwitch) -> str:
        is_on = switch.released_at is None
        return chip("Stopped", "danger", "pause") if is_on else chip("Resumed", "neutral", "play")

    released_by_name = Column[KillSwitch](
        "Resumed by",
        lambda switch: str(switch.shown["released_by"]) if switch.released_at else "–",  # type: ignore[attr-defined]
    )

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Show the stop of the whole installation too: it is not in the list."""
        viewer = viewer_of(request)
        return {**super().list_context(request), "banners": everywhere(viewer, list_stops(viewer=viewer))}

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Leave out resuming the whole installation: its banner offers that."""
        found = super().offered(request, obj, on_list=on_list)
        return [offer for offer in found if offer["action"].path != RELEASE_ALL]

    def why_not(self, request: HttpRequest, action: ServiceAction, switch: Any) -> str:
        if action.path == RELEASE_ALL:
            return why_not_release_all(viewer_of(request))
        if action.path != "release":
            return ""
        put_back_released([switch])
        return "" if switch.released_at is None else "Activity was already resumed."

    def form_initial(self, request: HttpRequest, action: ServiceAction, switch: Any) -> dict[str, Any]:
        """Offer everything, each action and agent, and to operators all organisations; links can preselect one."""
        if action.path != "stop":
            return {}
        kinds = [kind for _, kind in targets.targets.items()]
        groups = [
            (kind.title, [(f"{kind.scope}:{target}", name) for target, name in kind().choices()]) for kind in kinds
        ]
        viewer, chosen = viewer_of(request), request.GET.get("what", "")
        if not operators.is_operator(viewer):
            return {"targets": [EVERYTHING, *groups], "what": chosen}
        about = ABOUT_ALL if viewer.has_second_factor else f"{ABOUT_ALL} {SECOND_FACTOR}"
        return {"targets": [EVERYTHING, EVERYWHERE, *groups], "what": chosen, "about_all": about}

    @service_action(
        title="Pause activity",
        permission=USE,
        form=StopForm,
        submit="Stop now",
        tone="danger",
        on_list=True,
        explain="Takes effect immediately. Calls that have already started will finish.",
    )
    def stop(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        scope, _, target = form.cleaned_data["what"].partition(":")
        actor, reason = viewer_of(request), form.cleaned_data["reason"]
        if scope == INSTALLATION:
            return done_words(ALL, activation.activate_global(actor=actor, reason=reason).in_flight_calls)
        switch = activation.activate_kill_switch(actor=actor, scope=scope, target=target, reason=reason)
        return done_words(target_in_sentence(switch, targets.names()), switch.in_flight_calls)

    release = calls(
        activation.release_kill_switch,
        "switch_id",
        title="Resume activity",
        permission=USE,
        submit="Resume",
        tone="primary",
        explain="Waiting requests are checked again before they are executed.",
        done=lambda was: f"{target_title(was, targets.names())} resumed. Waiting requests are checked again first.",
    )
    release_installation = calls(
        activation.release_global,
        path=RELEASE_ALL,
        title="Resume all organisations",
        permission=USE,
        submit="Resume",
        tone="primary",
        explain="Waiting requests are checked again before they are executed. "
        "Emergency stops of single organisations stay on.",
        done="All organisations resumed. Waiting requests are checked again first.",
    )


def why_not_release_all(viewer: Actor) -> str:
    """Return why the viewer can't resume the whole installation now, "" if they can."""
    if not any(isinstance(stop, GlobalKillSwitch) for stop in list_stops(viewer=viewer)):
        return "The installation isn't stopped."
    if not operators.is_operator(viewer):
        return ONLY_OPERATORS
    return "" if viewer.has_second_factor else SECOND_FACTOR


def done_words(what: str, left: int) -> str:
    """Return what was stopped, and how many calls had already started."""
    if not left:
        return f"You stopped {what}. No calls are in progress."
    return f"You stopped {what}. {left} {'call' if left == 1 else 'calls'} had already started and may still finish."


def headline(
    switch: KillSwitch, target_names: dict[tuple[str, str], str], names: dict[UUID, str], viewer: Actor
) -> str:
    """Return who stopped what and when: "You stopped everything at 14:05 CET"."""
    is_own = switch.activated_by_id is not None and switch.activated_by_id == viewer.user_id
    who = "You" if is_own else name_in(names, switch.activated_by_id, otherwise="The operator")
    return f"{who} stopped {target_in_sentence(switch, target_names)} {describe_moment(switch.activated_at)}"


def everywhere(viewer: Actor, stops: Iterable[KillSwitch | GlobalKillSwitch]) -> list[Notice]:
    """Return the banner of the stop of the whole installation; operators can resume from it."""
    row = next((stop for stop in stops if isinstance(stop, GlobalKillSwitch)), None)
    if row is None:
        return []
    title = f"The operator has stopped everything in all organisations {describe_moment(row.activated_at)}"
    if row.changed_outside:
        title = CHANGED
    if not (viewer.may(USE) and operators.is_operator(viewer)):
        return [Notice(title, f"{row.reason}. {ONLY_OPERATORS}")]
    return [Notice(title, row.reason, reverse("admin:hitl_killswitch_release_installation"), leads="Resume")]


class StoppedBanner(Banner):
    """What is stopped now."""

    permission = "hitl.view_approval"

    def notices(self, viewer: Actor) -> list[Notice]:
        """Return one banner for each emergency stop that is on."""
        stops = list_stops(viewer=viewer)
        active = [stop for stop in stops if isinstance(stop, KillSwitch)]
        target_names = targets.names() if active else {}
        names = names_of(switch.activated_by_id for switch in active) if active else {}
        own = [
            Notice(CHANGED, switch.reason)
            if switch.changed_outside
            else Notice(
                headline(switch, target_names, names, viewer),
                switch.reason,
                reverse("admin:hitl_killswitch_change", args=[switch.pk]),
            )
            for switch in active
        ]
        return [*everywhere(viewer, stops), *own]


banners.register("hitl.stopped", StoppedBanner)
