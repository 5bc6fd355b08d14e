"""Export the evidence of a request from its page."""

from typing import Final

from django import forms
from django.http import HttpRequest, HttpResponse

from console.base.actions import service_action
from console.base.forms import ConsoleForm
from console.viewers import viewer_of
from hitl.domain.permissions import EXPORT
from hitl.evidence.export import export_approval
from hitl.evidence.views import download
from hitl.models import Approval

FORMATS: Final = [("html", "A page to read and print"), ("json", "A file to verify (JSON)")]


class EvidenceForm(ConsoleForm):
    format = forms.ChoiceField(label="As", choices=FORMATS)
    in_clear = forms.BooleanField(label="Show personal data", required=False)
    reason = forms.CharField(
        label="Reason for showing it",
        max_length=500,
        required=False,
        help_text="Only if you show personal data. It is kept, and the audit log records it.",
    )

    def clean(self) -> None:
        given = self.cleaned_data
        if given.get("in_clear") and not given.get("reason"):
            self.add_error("reason", "Give a reason for showing personal data.")


class EvidenceActions:
    """Exports; mixed into the admin of approvals."""

    @service_action(
        title="Export evidence",
        permission=EXPORT,
        form=EvidenceForm,
        submit="Export",
        explain="Who requested, decided and executed what, signed so that an auditor can verify it alone.",
    )
    def evidence(self, request: HttpRequest, obj: Approval, form: ConsoleForm) -> HttpResponse:
        return download(export_approval(actor=viewer_of(request), approval_id=obj.pk, **form.cleaned_data))
