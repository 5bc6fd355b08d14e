"""Decide many requests of the queue at once: the selection, what would happen, and the batch that follows."""

from typing import Any, Final
from uuid import UUID, uuid4

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from console.base.actions import service_action
from console.base.forms import ConsoleForm, look
from console.viewers import viewer_of
from hitl.actions import registry
from hitl.approvals.decide.decide import CONSOLE
from hitl.batches.batches import Sent, open_batch
from hitl.batches.preview import MOST, Chosen, Line, preview_batch
from hitl.display import risk_chip
from hitl.domain.permissions import DECIDE
from hitl.domain.state_machine import State
from hitl.masking import mask_for
from hitl.models import Approval

PATH: Final = "batch"
ITEM: Final = "item"
WORDS: Final = {"approve": "Approve", "reject": "Reject"}
NOTHING: Final = "Select requests in the list of approvals first."


class BatchForm(ConsoleForm):
    """What the person selected, line by line, and what they say about it."""

    template_name = "console/batch/preview.html"
    width = "wk-main"
    verdict = forms.ChoiceField(choices=list(WORDS.items()), widget=forms.HiddenInput)
    key = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)
    mixed = forms.BooleanField(label="Decide these different actions together", required=False)
    reason = forms.CharField(max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chosen: list[Chosen] = self.initial.get("chosen") or []
        self.lines: list[dict[str, Any]] = self.initial.get("lines") or []
        self.can = [line for line in self.lines if not line["says"]]
        self.cannot = [line for line in self.lines if line["says"]]
        self.is_redrawn = self.is_bound and "confirm" not in self.data and 0 < len(self.chosen) <= MOST
        verdict = str(self.data.get("verdict") or "approve")
        self.submit = f"{WORDS.get(verdict, 'Decide')} {len(self.can)} request{'s' * (len(self.can) != 1)}"
        self.is_closed = not self.can
        reason = self.fields["reason"]
        reason.label = "Reason for rejecting" if verdict == "reject" else "Note (optional)"
        reason.help_text = "The requesters will see this." if verdict == "reject" else ""
        kinds = {line["approval"].kind for line in self.can}
        if len(kinds) < 2:
            del self.fields["mixed"]
        else:
            self.fields["mixed"].widget.attrs["class"] = look(self.fields["mixed"].widget)
        self.new_key = str(self.data.get("key") or uuid4().hex)
        self.initial["key"] = self.new_key

    def clean(self) -> dict[str, Any]:
        """Refuse an empty selection and one that is too large."""
        if not self.chosen:
            raise forms.ValidationError(NOTHING)
        if len(self.chosen) > MOST:
            raise forms.ValidationError(f"Select at most {MOST} requests at once; these are {len(self.chosen)}.")
        return self.cleaned_data


def chosen_of(request: HttpRequest) -> list[Chosen]:
    """Return what was selected: each with the digest of the row that was shown; anything else is ignored."""
    found: dict[UUID, Chosen] = {}
    for value in request.POST.getlist(ITEM)[: MOST * 5]:
        key, _, digest = value.partition(":")
        try:
            found.setdefault(UUID(key), Chosen(UUID(key), digest))
        except ValueError:
            continue
    return list(found.values())


def batch_initial(request: HttpRequest) -> dict[str, Any]:
    """Return what the preview shows."""
    chosen, verdict = chosen_of(request), request.POST.get("verdict", "")
    if not 0 < len(chosen) <= MOST or verdict not in WORDS:
        return {"chosen": chosen}
    viewer = viewer_of(request)
    lines = preview_batch(viewer=viewer, verdict=verdict, chosen=chosen)  # type: ignore[arg-type]
    return {"chosen": chosen, "lines": [_shown(line, viewer) for line in lines]}


def _shown(line: Line, viewer: Any) -> dict[str, Any]:
    approval = line.approval
    shown: dict[str, Any] = {"says": line.says, "approval": approval, "wants_proof": line.wants_proof}
    if approval is None:
        return {**shown, "name": "Unknown request"}
    value = f"{line.chosen.id}:{line.chosen.digest}"
    summary = mask_for(viewer, approval, approval.summary)
    kind = registry.get(approval.kind).title if registry.is_known(approval.kind) else approval.kind
    return {
        **shown,
        "name": approval.reference,
        "value": value,
        "kind": kind,
        "summary": summary,
        "risk": risk_chip(approval),
    }


def mark_pickable(request: HttpRequest, rows: list[Approval]) -> None:
    """Let the rows that wait for the viewer be selected."""
    if not viewer_of(request).may(DECIDE):
        return
    for row in rows:
        if row.state == State.PENDING and getattr(row, "is_mine", False):
            row.pick_value = f"{row.pk}:{row.digest}"  # type: ignore[attr-defined]


class BatchActions:
    """Decide the selected requests; mixed into the admin of approvals."""

    @service_action(path=PATH, title="Decide many at once", permission=DECIDE, form=BatchForm, on_list=True)
    def batch(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        said = form.cleaned_data
        made = open_batch(
            actor=viewer_of(request),
            verdict=said["verdict"],
            chosen=form.chosen if isinstance(form, BatchForm) else [],
            reason=said["reason"],
            sent=Sent(CONSOLE, said["key"]),
            is_mixed=bool(said.get("mixed")),
        )
        return HttpResponseRedirect(reverse("admin:hitl_batchdecision_change", args=[made.pk]))
