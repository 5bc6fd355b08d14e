"""The console's page of kill switches, and the banner while one is on."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from accounts.permissions import operators
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.lists import SelectFilter
from console.base.model_admin import ServiceAdmin
from console.error_messages import describe_moment
from console.extensions import Banner, Notice, banners
from console.names import name_in, names_of
from console.navigation import Nav
from console.templatetags.console_ui import chip, exact
from console.viewers import viewer_of
from core.actors import Actor
from hitl import services
from hitl.killswitch import targets as stoppable
from hitl.killswitch.describe import EVERYWHERE as ALL
from hitl.killswitch.describe import INSTALLATION, in_a_sentence, what_of
from hitl.models import GlobalKillSwitch, KillSwitch
from hitl.selectors import list_switches

EVERYTHING = ("tenant:", "Everything agents and people have asked for")
EVERYWHERE = (f"{INSTALLATION}:", "Everything, all organisations")
RELEASE_ALL = "release-installation"
USE = "hitl.use_killswitch"
ONLY_OPERATORS = "Only the operator of this installation can let it go on."
ABOUT_ALL = "With “all organisations” the staff of every organisation reads your reason."
WEAK_FOR_ALL = "It asks for a second factor: set one up (the shield) and sign in again with it."
WEAK = "This asks for a second factor. Set one up (the shield) and sign in again with it."


class StateFilter(SelectFilter):
    """By state; without a choice what is stopped now."""

    title, parameter_name, any_label = "State", "state", "Stopped now"
    options = (("off", "Released"), ("all", "All"))

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Keep the chosen ones."""
        chosen = self.chosen()
        return queryset if chosen == "all" else queryset.filter(released_at__isnull=chosen != "off")


class StopForm(ConsoleForm):
    """What to stop, and why."""

    what = forms.ChoiceField(label="What to stop")
    reason = forms.CharField(
        label="Why?",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Colleagues read this on the queue. Do not write personal data here.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = self.initial.get("targets", [])  # type: ignore[attr-defined]
        self.fields["what"].help_text = self.initial.get("about_all", "")


@admin.register(KillSwitch)
class KillSwitchAdmin(ServiceAdmin):
    """What is stopped, and by whom."""

    view_permission = "hitl.view_approval"
    nav = Nav("Stop switches", "pause", order=15)
    intro = "What is stopped is not carried out. Requests wait meanwhile and can still be decided."
    empty_title = "Nothing is stopped"
    empty_text = "Agents may act within the rules of your workflows."
    live_topic = "queue"
    list_display = ("what", "reason", "standing", "thrown_by_name", "stopped", "went_on")
    list_filter: ClassVar = [StateFilter]
    ordering = ("-id",)
    detail_fields = (
        "what",
        "reason",
        "standing",
        "thrown_by_name",
        "stopped",
        "released_by_name",
        "went_on",
    )

    def prepare_rows(self, request: HttpRequest, rows: list[KillSwitch]) -> None:
        """Read the names of people and targets at once."""
        people = names_of([person for row in rows for person in (row.thrown_by_id, row.released_by_id)])
        targets = stoppable.names()
        for row in rows:
            row.shown = {  # type: ignore[attr-defined]
                "what": what_of(row, targets),
                "thrown_by": name_in(people, row.thrown_by_id, otherwise="The operator"),
                "released_by": name_in(people, row.released_by_id, otherwise="The operator"),
            }

    def object_title(self, switch: KillSwitch) -> str:
        """Return what it stops."""
        return what_of(switch, stoppable.names())

    @admin.display(description="What")
    def what(self, switch: KillSwitch) -> str:
        """Return what it stops."""
        return str(switch.shown["what"])  # type: ignore[attr-defined]

    @admin.display(description="State")
    def standing(self, switch: KillSwitch) -> str:
        """Tell whether it is on."""
        is_on = switch.released_at is None
        return chip("Stopped", "danger", "pause") if is_on else chip("Released", "neutral", "play")

    @admin.display(description="Stopped by")
    def thrown_by_name(self, switch: KillSwitch) -> str:
        """Return who stopped it."""
        return str(switch.shown["thrown_by"])  # type: ignore[attr-defined]

    @admin.display(description="Stopped")
    def stopped(self, switch: KillSwitch) -> str:
        """Return when."""
        return exact(switch.thrown_at)

    @admin.display(description="Went on")
    def went_on(self, switch: KillSwitch) -> str:
        """Return when it was released."""
        return exact(switch.released_at)

    @admin.display(description="Released by")
    def released_by_name(self, switch: KillSwitch) -> str:
        """Return who let it go on."""
        return str(switch.shown["released_by"]) if switch.released_at else "–"  # type: ignore[attr-defined]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Show the installation's own switch too: it is not in the list."""
        return {**super().list_context(request), "banners": everywhere(viewer_of(request))}

    def offered(self, request: HttpRequest, obj: Any, *, on_list: bool = False) -> list[dict[str, Any]]:
        """Leave the installation's release to its banner, which is there while it is stopped."""
        found = super().offered(request, obj, on_list=on_list)
        return [offer for offer in found if offer["action"].path != RELEASE_ALL]

    def why_not(self, request: HttpRequest, action: ServiceAction, switch: Any) -> str:
        """What is released stays released; the installation's switch is moved by its operators."""
        if action.path == RELEASE_ALL:
            return why_not_release_all(viewer_of(request))
        is_off = action.path == "release" and switch.released_at is not None
        return "It is released already." if is_off else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, switch: Any) -> dict[str, Any]:
        """Offer everything, each kind and each agent, and all organisations to an operator of the installation;
        an agent's page leads here with its own chosen."""
        if action.path != "stop":
            return {}
        kinds = [kind for _, kind in stoppable.targets.items()]
        groups = [
            (kind.title, [(f"{kind.scope}:{target}", name) for target, name in kind().choices()]) for kind in kinds
        ]
        viewer, chosen = viewer_of(request), request.GET.get("what", "")
        if not operators.is_operator(viewer):
            return {"targets": [EVERYTHING, *groups], "what": chosen}
        about = ABOUT_ALL if viewer.has_second_factor else f"{ABOUT_ALL} {WEAK_FOR_ALL}"
        return {"targets": [EVERYTHING, EVERYWHERE, *groups], "what": chosen, "about_all": about}

    @service_action(
        path="stop",
        title="Stop something",
        permission=USE,
        form=StopForm,
        submit="Stop it now",
        tone="danger",
        on_list=True,
        explain="Works at once for what has not begun. A call that is on its way ends by itself.",
    )
    def stop(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Throw a switch."""
        scope, _, target = form.cleaned_data["what"].partition(":")
        actor, reason = viewer_of(request), form.cleaned_data["reason"]
        if scope == INSTALLATION:
            return done_words(ALL, services.throw_global(actor=actor, reason=reason).on_the_wire)
        switch = services.throw_switch(actor=actor, scope=scope, target=target, reason=reason)
        return done_words(in_a_sentence(switch, stoppable.names()), switch.on_the_wire)

    @service_action(
        path="release",
        title="Release",
        permission=USE,
        submit="Let it go on",
        tone="primary",
        explain="What waited is checked again before anything is carried out.",
    )
    def release(self, request: HttpRequest, switch: KillSwitch, form: ConsoleForm) -> str:
        """Release the switch."""
        services.release_switch(actor=viewer_of(request), switch_id=switch.pk)
        return f"{what_of(switch, stoppable.names())} goes on. What waited is checked again first."

    @service_action(
        path=RELEASE_ALL,
        title="Let all organisations go on",
        permission=USE,
        submit="Let it go on",
        tone="primary",
        on_list=True,
        explain="What waited is checked again before anything is carried out. "
        "Switches that an organisation has thrown itself stay.",
    )
    def release_installation(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Release the installation's switch."""
        services.release_global(actor=viewer_of(request))
        return "All organisations go on. What waited is checked again first."


def why_not_release_all(viewer: Actor) -> str:
    """Return why the viewer cannot release the installation's switch now; empty when he can."""
    if not GlobalKillSwitch.objects.filter(released_at=None).exists():
        return "It is not stopped."
    if not operators.is_operator(viewer):
        return ONLY_OPERATORS
    return "" if viewer.has_second_factor else WEAK


def done_words(what: str, left: int) -> str:
    """Say what was stopped, and whether calls had begun before."""
    if not left:
        return f"You stopped {what}. Nothing is under way."
    return f"You stopped {what}. {left} {'call' if left == 1 else 'calls'} had begun before and may still end."


def headline(switch: KillSwitch, targets: dict[tuple[str, str], str], names: dict[UUID, str], viewer: Actor) -> str:
    """Say who stopped what and when, as one would say it: "You stopped everything at 14:05 CET"."""
    is_own = switch.thrown_by_id is not None and switch.thrown_by_id == viewer.user_id
    who = "You" if is_own else name_in(names, switch.thrown_by_id, otherwise="The operator")
    return f"{who} stopped {in_a_sentence(switch, targets)} {describe_moment(switch.thrown_at)}"


def everywhere(viewer: Actor) -> list[Notice]:
    """Return the banner of the installation's own switch, which leads its operators to its release."""
    row = GlobalKillSwitch.objects.filter(released_at=None).order_by("id").first()
    if row is None:
        return []
    title = f"The operator has stopped everything in all organisations {describe_moment(row.thrown_at)}"
    if not (viewer.may(USE) and operators.is_operator(viewer)):
        return [Notice(title, f"{row.reason}. {ONLY_OPERATORS}")]
    return [Notice(title, row.reason, reverse("admin:hitl_killswitch_release_installation"), "Let it go on")]


class StoppedBanner(Banner):
    """What is stopped now."""

    permission = "hitl.view_approval"

    def notices(self, viewer: Actor) -> list[Notice]:
        """Return one banner for each switch that is on."""
        thrown = list_switches(viewer=viewer)
        targets = stoppable.names() if thrown else {}
        names = names_of(switch.thrown_by_id for switch in thrown) if thrown else {}
        own = [
            Notice(
                headline(switch, targets, names, viewer),
                switch.reason,
                reverse("admin:hitl_killswitch_change", args=[switch.pk]),
            )
            for switch in thrown
        ]
        return [*everywhere(viewer), *own]


banners.register("hitl.stopped", StoppedBanner)
