"""Forms that the pages of several channels have."""

from typing import Any, ClassVar

from django import forms

from channels_app.kit.diagnosis import LONGEST, PROOF_LIMIT, Diagnosis
from console.base.forms import ConsoleForm


class SecretField(forms.CharField):
    """A secret: it is never shown; one that is `needed` may only be left empty where there is one already."""

    def __init__(self, label: str, help_text: str, *, needed: bool = False, limit: int = 200) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "off"})
        super().__init__(label=label, help_text=help_text, max_length=limit, required=False, widget=widget)
        self.needed = needed


class AccountForm(ConsoleForm):
    """The settings of an account; empty secrets stay unchanged."""

    is_new: ClassVar[bool] = False

    name = forms.CharField(label="Name", max_length=80, help_text="Shown to colleagues.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field, SecretField) and field.needed:
                field.required = self.is_new
                field.help_text += "" if self.is_new else " Leave empty to keep the current one."


class SampleForm(ConsoleForm):
    """A webhook as it stands in the provider's log; asks for what its proof covers."""

    signature = forms.CharField(label="Webhook signature", max_length=PROOF_LIMIT)
    timestamp = forms.CharField(
        label="Timestamp", max_length=20, help_text="The header beside it, whose name ends in -Timestamp."
    )
    url = forms.CharField(
        label="Address (optional)",
        max_length=500,
        required=False,
        help_text="As the provider called it; ours if empty.",
    )
    body = forms.CharField(
        label="Body",
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Exactly as it was sent. It isn't stored.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found: Diagnosis | None = (self.initial or {}).get("diagnosis")
        if found is None:
            return
        self.fields["signature"].help_text = f"The value of the {found.proof}. It isn't stored."
        for name in ("timestamp", "url", "body"):
            if not getattr(found, f"takes_{name}"):
                del self.fields[name]
        if not found.takes_body:
            self.fields["signature"].label = "Token"


class PauseForm(ConsoleForm):
    reason = forms.CharField(label="Reason", max_length=200, help_text="Colleagues see it.")
