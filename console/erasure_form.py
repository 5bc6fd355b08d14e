"""The form and the words with which somebody is erased, shared by contacts and people."""

from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from console.base.forms import ConsoleForm
from console.viewers import viewer_of
from core.models import Erasure

WEAK: Final = "Erasing asks for a second factor. Set one up (the shield) and sign in again with it."
TYPED: Final = "erase"


class EraseForm(ConsoleForm):
    """Why, and the word that shows that it is meant."""

    reason = forms.ChoiceField(label="Why?", choices=Erasure.Reason.choices)
    confirmation = forms.CharField(
        label="Type “erase” to go on",
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}),
    )

    def clean_confirmation(self) -> str:
        """Take the word only."""
        if str(self.cleaned_data["confirmation"]).strip().lower() != TYPED:
            raise forms.ValidationError("Type the word “erase” here.")
        return TYPED


def why_not_erase(request: HttpRequest) -> str:
    """Say that the sign-in is too weak; empty when it is not."""
    return "" if viewer_of(request).has_second_factor else WEAK


def to_progress(erasure: Erasure) -> HttpResponse:
    """Go to the page that shows how far it is."""
    return HttpResponseRedirect(reverse("admin:core_erasure_change", args=[erasure.pk]))


def progress_url(subject_type: str, subject_id: Any) -> str:
    """Return the page of somebody's erasure; empty when there is none."""
    rows = Erasure.objects.filter(subject_type=subject_type, subject_id=subject_id)
    found = rows.values_list("pk", flat=True).first()
    return reverse("admin:core_erasure_change", args=[found]) if found else ""
