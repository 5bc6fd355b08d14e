"""Request a risky action in the console: first its kind, then its values, which are filled in for a known target."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from console.base.actions import service_action
from console.base.forms import ConsoleForm, look
from console.base.lists import uuid_of
from console.viewers import viewer_of
from core.privacy.visible_text import visible
from hitl.actions import registry
from hitl.actions.base import Origin
from hitl.actions.kind_fields import VALUE, texts_of, value_fields, values_in_the_form, values_of
from hitl.actions.targets import Target, find_target
from hitl.approvals.change.propose import propose

CHANNEL: Final = "console"
TARGET: Final = "target"
"""The parameter with the id of what the request is about."""
URGENCY: Final = [(0, "Normal"), (5, "High"), (9, "Urgent")]


def kinds() -> list[tuple[str, str]]:
    return [("", "Choose"), *sorted(registry.titles(), key=lambda row: row[1])]


class RequestForm(ConsoleForm):
    """A request: first its kind, then one field for each of its values."""

    kind = forms.ChoiceField(label="Action", choices=kinds)
    chosen = forms.CharField(required=False, widget=forms.HiddenInput)
    submit = ""
    """What the button says once the kind is chosen."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = str(self.data.get("chosen") or self.initial.get("chosen") or "")
        if not registry.is_known(chosen):
            return
        self.submit = "Submit request"
        self.fields.update(value_fields(chosen))
        target: Target | None = self.initial.get("target")
        if target is not None and chosen in target.kinds:
            self.fields["kind"].choices = [row for row in kinds() if row[0] in target.kinds]  # type: ignore[attr-defined]
            self.fields[VALUE + registry.get(chosen).target].help_text = visible(target.name)
        self.fields["notes"] = forms.CharField(
            label="Note for the approvers (optional)",
            max_length=2000,
            required=False,
            widget=forms.Textarea(attrs={"rows": 2}),
        )
        self.fields["priority"] = forms.TypedChoiceField(label="Priority", choices=URGENCY, coerce=int, required=False)
        self.fields["tags"] = forms.CharField(
            label="Tags (optional)", max_length=400, required=False, help_text="Separate tags with commas."
        )
        for entry in self.fields.values():
            entry.widget.attrs.setdefault("class", look(entry.widget))


def chosen_kind(request: HttpRequest) -> dict[str, Any]:
    """Return the form's initial values from the kind in the URL, and from the target there as it was seen last."""
    key, target_id = request.GET.get("kind", ""), uuid_of(request.GET.get(TARGET, ""))
    if not registry.is_known(key):
        return {}
    target = find_target(viewer=viewer_of(request), kind=key, target_id=target_id) if target_id else None
    return {"kind": key, "chosen": key, "target": target, **texts_of(target.values if target else {})}


class RequestActions:
    """The button "New request" above the queue; mixed into the admin of approvals."""

    @service_action(
        title="New request",
        permission="hitl.propose_approval",
        form=RequestForm,
        submit="Continue",
        tone="good",
        on_list=True,
        explain="Someone else must approve this. You can't approve your own request.",
    )
    def new(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        said: Mapping[str, Any] = form.cleaned_data
        if said["chosen"] != said["kind"] or not isinstance(form, RequestForm):
            wanted = {"kind": said["kind"], **{name: request.GET[name] for name in [TARGET] if name in request.GET}}
            return HttpResponseRedirect(f"{request.path}?{urlencode(wanted)}")
        actor = viewer_of(request)
        origin = Origin(
            requester_user_id=actor.user_id,
            channel=CHANNEL,
            address=actor.address,
            user_agent=actor.user_agent,
            notes=said["notes"],
            priority=said["priority"] or 0,
            tags=tuple(word.strip() for word in said["tags"].split(",") if word.strip())[:20],
        )
        with values_in_the_form():
            made = propose(actor=actor, kind=said["kind"], params=values_of(form.cleaned_data), origin=origin)
        messages.success(request, f"{made.reference} was submitted.")
        return HttpResponseRedirect(reverse("admin:hitl_approval_change", args=[made.pk]))
