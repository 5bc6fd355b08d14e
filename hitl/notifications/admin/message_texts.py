"""The console's pages of an organisation's own texts of notifications."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm, OptionalReasonForm, VersionedForm
from console.base.lists import Column
from console.navigation import APPROVAL_RULES, SETTINGS, Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from hitl.domain.message_texts import BODY_LIMIT, SUBJECT_LIMIT, VARIABLES, fill_in, problems_of
from hitl.models import NotificationTemplate
from hitl.notification_channels import TITLES
from hitl.notifications.texts import (
    newest_version,
    preview_values,
    reset_notification_template,
    set_notification_template,
)
from hitl.policy.admin.base import MANAGE, VersionAdmin

PREVIEW: Final = "preview"
EVERY_LANGUAGE: Final = "Every other language"
_SAYS: Final = "; ".join(f"{{{name}}}: {what}" for name, what in VARIABLES.items())


def _title_of(template: str) -> str:
    return f"“{TITLES.get(template, template)}”"


class TextForm(VersionedForm):
    """A message, its language, subject and text; it can be previewed before it is saved."""

    template_name = "console/message_text.html"
    checks_redrawn = True

    template = forms.ChoiceField(label="Message", choices=[(key, f"BR-1042 {words}") for key, words in TITLES.items()])
    language = forms.CharField(
        label="Language (optional)",
        required=False,
        max_length=11,
        help_text="A tag such as de or pt-BR. Empty: for everyone whose language has no text of its own.",
    )
    subject = forms.CharField(
        label="Subject",
        max_length=SUBJECT_LIMIT,
        help_text=f"Variables: {_SAYS}. Messages to requesters have no {{due}}.",
    )
    body = forms.CharField(
        label="Text",
        max_length=BODY_LIMIT,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Plain text above the details of the request. The same variables.",
    )
    reason = forms.CharField(label="Reason (optional)", max_length=300, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_redrawn = self.is_bound and PREVIEW in self.data

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in ("subject", "body"):
            if cleaned.get(name) and cleaned.get("template"):
                for problem in problems_of(cleaned[name], cleaned["template"]):
                    self.add_error(name, problem)
        return cleaned

    def shown(self) -> dict[str, str] | None:
        """Return subject and text filled in, once a preview without errors was asked for."""
        if not self.is_redrawn or self.errors:
            return None
        values = preview_values(viewer=self.initial["viewer"], template=self.cleaned_data["template"])
        return {name: fill_in(self.cleaned_data[name], values) for name in ("subject", "body")}


class ResetForm(VersionedForm, OptionalReasonForm):
    """The reason for putting the built-in text back."""


@admin.register(NotificationTemplate)
class NotificationTemplateAdmin(VersionAdmin):
    nav = Nav("Message texts", "pen", SETTINGS, APPROVAL_RULES, order=90)
    intro = "What emails about requests say. Walker's built-in English texts are used until you write your own."
    empty_title = "The built-in texts are used"
    empty_text = "Write your own subject and text for a message, in each language you need."
    list_display = ("message", "tongue", "subject_shown", "in_use", "by", "since")
    detail_fields = ("message", "tongue", "subject_shown", "body", "reason", "in_use", "by", "since")

    def prepare_rows(self, request: HttpRequest, rows: list[NotificationTemplate]) -> None:
        super().prepare_rows(request, rows)
        newest = NotificationTemplate.objects.order_by("template", "language", "-version")
        in_use = set(newest.distinct("template", "language").values_list("pk", flat=True))
        for row in rows:
            row.is_newest = row.pk in in_use  # type: ignore[attr-defined]

    def object_title(self, row: NotificationTemplate) -> str:
        return _title_of(row.template)

    message = Column[NotificationTemplate]("Message", lambda row: _title_of(row.template))
    tongue = Column[NotificationTemplate]("Language", lambda row: row.language or EVERY_LANGUAGE)
    subject_shown = Column[NotificationTemplate]("Subject", lambda row: row.subject or "Built-in text")
    in_use = Column[NotificationTemplate](
        "Use",
        lambda row: chip("In use", "good", "check") if row.is_newest else chip("Older", "neutral", "clock"),  # type: ignore[attr-defined]
    )

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        known = {"version": newest_version(), "viewer": viewer_of(request)}
        if obj is None or action.path != "edit":
            return known
        texts = {name: getattr(obj, name) for name in ("template", "language", "subject", "body")}
        return {**known, **texts}

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        return "The built-in text is in use." if action.path == "reset" and not obj.subject else ""

    @service_action(title="Write a text", permission=MANAGE, form=TextForm, submit="Save",
                    tone="primary", on_list=True, explain="Applies to emails from now on.")  # fmt: skip
    def write(self, request: HttpRequest, obj: None, form: TextForm) -> str:
        return self._save(request, form)

    @service_action(title="Edit", permission=MANAGE, form=TextForm, submit="Save", tone="primary",
                    explain="Saves a new version, used from now on.")  # fmt: skip
    def edit(self, request: HttpRequest, obj: NotificationTemplate, form: TextForm) -> str:
        return self._save(request, form)

    @service_action(title="Reset to the built-in text", permission=MANAGE, form=ResetForm,
                    submit="Reset", explain="Your versions stay in the list.")  # fmt: skip
    def reset(self, request: HttpRequest, obj: NotificationTemplate, form: ResetForm) -> str:
        reset_notification_template(
            actor=viewer_of(request),
            template=obj.template,
            language=obj.language,
            reason=form.cleaned_data["reason"],
            seen_version=form.seen_version(),
        )
        return "The built-in text is in use."

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        return self.list_url()

    def _save(self, request: HttpRequest, form: ConsoleForm) -> str:
        said = {name: form.cleaned_data[name] for name in ("template", "language", "subject", "body", "reason")}
        seen = form.cleaned_data["version"]
        set_notification_template(actor=viewer_of(request), seen_version=seen, **said)
        return "Saved. Emails use this text from now on."
