"""The form that erases a person, shared by contacts and members."""

from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from console.base.forms import ConsoleForm
from console.viewers import viewer_of
from core.models import Erasure

WEAK: Final = "Erasing requires a second factor. Set one up under Sign-in security, then sign in again with it."
TYPED: Final = "erase"


class EraseForm(ConsoleForm):
    """The reason, and a typed word as confirmation."""

    reason = forms.ChoiceField(label="Reason", choices=Erasure.Reason.choices)
    confirmation = forms.CharField(
        label="Type “erase” to confirm",
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )

    def clean_confirmation(self) -> str:
        """Accept only the word."""
        if str(self.cleaned_data["confirmation"]).strip().lower() != TYPED:
            raise forms.ValidationError("Type “erase” to confirm.")
        return TYPED


def why_not_erase(request: HttpRequest) -> str:
    """Return that a second factor is needed, or "" if the viewer used one."""
    return "" if viewer_of(request).has_second_factor else WEAK


def redirect_to_progress(erasure: Erasure) -> HttpResponse:
    """Redirect to the page with the erasure's progress."""
    return HttpResponseRedirect(reverse("admin:core_erasure_change", args=[erasure.pk]))


def progress_url(subject_type: str, subject_id: Any) -> str:
    """Return the URL of a person's erasure, or "" if there is none."""
    rows = Erasure.objects.filter(subject_type=subject_type, subject_id=subject_id)
    key = rows.values_list("pk", flat=True).first()
    return reverse("admin:core_erasure_change", args=[key]) if key else ""
