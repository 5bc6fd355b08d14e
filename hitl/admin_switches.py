"""The console's page of kill switches, and the banner while one is on."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from console import banners
from console.actions import ServiceAction, service_action
from console.bases import ServiceAdmin
from console.forms import ConsoleForm
from console.lists import SelectFilter
from console.navigation import Nav
from console.people import name_in, names_of
from console.templatetags.console_ui import chip, exact
from console.viewers import viewer_of
from console.words import since_when
from core.actors import Actor
from hitl import services, stoppable
from hitl.models import GlobalKillSwitch, KillSwitch
from hitl.selectors import list_switches
from hitl.stops import in_a_sentence, what_of

EVERYTHING = ("tenant:", "Everything agents and people have asked for")


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
        return {**super().list_context(request), "banners": everywhere()}

    def why_not(self, request: HttpRequest, action: ServiceAction, switch: Any) -> str:
        """What is released stays released."""
        is_off = action.path == "release" and switch.released_at is not None
        return "It is released already." if is_off else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, switch: Any) -> dict[str, Any]:
        """Offer everything, each kind and each agent; an agent's page leads here with its own chosen."""
        kinds = [kind for _, kind in stoppable.targets.items()] if action.path == "stop" else []
        groups = [
            (kind.title, [(f"{kind.scope}:{target}", name) for target, name in kind().choices()]) for kind in kinds
        ]
        return {"targets": [EVERYTHING, *groups], "what": request.GET.get("what", "")}

    @service_action(
        path="stop",
        title="Stop something",
        permission="hitl.use_killswitch",
        form=StopForm,
        submit="Stop it now",
        tone="danger",
        on_list=True,
        explain="Works at once for what has not begun. A call that is on its way ends by itself.",
    )
    def stop(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Throw a switch."""
        scope, _, target = form.cleaned_data["what"].partition(":")
        reason = form.cleaned_data["reason"]
        switch = services.throw_switch(actor=viewer_of(request), scope=scope, target=target, reason=reason)
        left = switch.on_the_wire
        done = f"You stopped {in_a_sentence(switch, stoppable.names())}."
        if not left:
            return f"{done} Nothing is under way."
        return f"{done} {left} {'call' if left == 1 else 'calls'} had begun before and may still end."

    @service_action(
        path="release",
        title="Release",
        permission="hitl.use_killswitch",
        submit="Let it go on",
        tone="primary",
        explain="What waited is checked again before anything is carried out.",
    )
    def release(self, request: HttpRequest, switch: KillSwitch, form: ConsoleForm) -> str:
        """Release the switch."""
        services.release_switch(actor=viewer_of(request), switch_id=switch.pk)
        return f"{what_of(switch, stoppable.names())} goes on. What waited is checked again first."


def headline(switch: KillSwitch, targets: dict[tuple[str, str], str], names: dict[UUID, str], viewer: Actor) -> str:
    """Say who stopped what and when, as one would say it: "You stopped everything at 14:05 CET"."""
    is_own = switch.thrown_by_id is not None and switch.thrown_by_id == viewer.user_id
    who = "You" if is_own else name_in(names, switch.thrown_by_id, otherwise="The operator")
    return f"{who} stopped {in_a_sentence(switch, targets)} {since_when(switch.thrown_at)}"


def everywhere() -> list[banners.Notice]:
    """Return the banner of the installation's own switch, which only its operator releases."""
    rows = GlobalKillSwitch.objects.filter(released_at=None).order_by("id")[:1]
    text = "Only the operator of this installation can let it go on."
    return [banners.Notice("The operator has stopped everything", f"{row.reason}. {text}") for row in rows]


class StoppedBanner(banners.Banner):
    """What is stopped now."""

    permission = "hitl.view_approval"

    def notices(self, viewer: Actor) -> list[banners.Notice]:
        """Return one banner for each switch that is on."""
        thrown = list_switches(viewer=viewer)
        targets = stoppable.names() if thrown else {}
        names = names_of(switch.thrown_by_id for switch in thrown) if thrown else {}
        own = [
            banners.Notice(
                headline(switch, targets, names, viewer),
                switch.reason,
                reverse("admin:hitl_killswitch_change", args=[switch.pk]),
            )
            for switch in thrown
        ]
        return [*everywhere(), *own]


banners.banners.register("hitl.stopped", StoppedBanner)
