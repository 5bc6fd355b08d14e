"""The console's pages of canned replies."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join

from console.base.actions import ServiceAction
from console.base.crud import creates, deletes, edits
from console.base.forms import VersionedForm, look
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.navigation import CONVERSATIONS, SETTINGS, Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from conversations.channel_accounts.admin.languages import LANGUAGES, language_name
from conversations.inbox.admin.forms import FilesField
from conversations.inbox.assignment import REPLY
from conversations.messages.downloads import download
from conversations.messages.files.rules import EVERY_KIND, MOST
from conversations.models import CannedFile, CannedReply, Conversation, Team
from conversations.replies import canned_replies
from conversations.replies.canned_replies import CannedText
from core.actors import Actor
from core.errors import Refused, WalkerError

EVERYBODY: Final = "all"
MINE: Final = "mine"
OFFERED: Final = 200
FILE: Final = "conversations_cannedreply_file"
BY_NAME: Final = sorted(LANGUAGES.items(), key=lambda one: one[1])


class CannedForm(VersionedForm):
    shortcut = forms.CharField(label="Shortcut", max_length=41, help_text="Type / and this in a reply to find it.")
    title = forms.CharField(label="Title", max_length=80)
    scope = forms.ChoiceField(label="For")
    text = forms.CharField(
        label="Text",
        max_length=settings.TEXT_LIMIT,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="{{ first_name }}, {{ my_name }} and {{ team }} are filled in when it's sent.",
    )
    language = forms.ChoiceField(label="Language of this text", help_text="It's sent where no other language fits.")
    other_language = forms.ChoiceField(label="Another language (optional)", required=False)
    other_text = forms.CharField(
        label="Text in that language",
        max_length=settings.TEXT_LIMIT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Save to add it; then you can add one more.",
    )
    files = FilesField(label="Attach files (optional)", required=False, help_text=EVERY_KIND.summary)  # type: ignore[assignment]
    remove_files = forms.TypedMultipleChoiceField(
        label="Remove files", coerce=UUID, required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = Team.objects.order_by("name").values_list("pk", "name")
        self.fields["scope"].choices = [(MINE, "Only me"), *teams, (EVERYBODY, "Everybody")]  # type: ignore[attr-defined]
        kept = [code for code in (self.initial.get("language"),) if code and code not in LANGUAGES]
        self.fields["language"].choices = [*((code, code) for code in kept), *BY_NAME]  # type: ignore[attr-defined]
        self.fields["other_language"].choices = [("", "None"), *BY_NAME]  # type: ignore[attr-defined]
        self.codes = sorted(self.initial.get("translations", {}), key=language_name)
        for code in self.codes:
            field = forms.CharField(
                label=f"Text in {language_name(code)}",
                max_length=settings.TEXT_LIMIT,
                required=False,
                widget=forms.Textarea(attrs={"rows": 4}),
                help_text="Leave it empty to remove it.",
            )
            field.widget.attrs["class"] = look(field.widget)
            self.fields[f"text_{code}"] = field
            self.initial[f"text_{code}"] = self.initial["translations"][code]
        files = self.initial.get("kept_files", ())
        if files:
            self.fields["remove_files"].choices = files  # type: ignore[attr-defined]
        else:
            del self.fields["remove_files"]
        names = [f"text_{code}" for code in self.codes]
        self.order_fields(["shortcut", "title", "scope", "text", "language", *names])

    def clean(self) -> dict[str, Any]:
        """Ask for the language of another text, and for the text of another language, once each."""
        said = super().clean() or self.cleaned_data
        code, text = said.get("other_language"), str(said.get("other_text") or "").strip()
        if text and not code:
            self.add_error("other_language", "Choose the language of this text.")
        if code and not text:
            self.add_error("other_text", "Write the text in this language.")
        if code and code in (*self.codes, said.get("language")):
            self.add_error("other_language", "There is a text in this language already.")
        return said

    def place_errors(self, problems: Mapping[str, Sequence[str]]) -> bool:
        """Show what is wrong with a text in another language at that text."""
        shown = dict(problems)
        for problem in shown.pop("translations", ()):
            field = f"text_{problem.partition(':')[0]}"
            shown[field if field in self.fields else "other_text"] = [problem]
        return super().place_errors(shown)

    def canned(self) -> CannedText:
        """Return what the services take."""
        said = self.cleaned_data
        team = None if said["scope"] in (MINE, EVERYBODY) else UUID(said["scope"])
        texts = {code: said[f"text_{code}"] for code in self.codes if said[f"text_{code}"].strip()}
        if said["other_language"]:
            texts[said["other_language"]] = said["other_text"]
        return CannedText(
            said["shortcut"],
            said["title"],
            said["text"],
            team,
            is_personal=said["scope"] == MINE,
            language=said["language"],
            translations=texts,
        )

    def revision(self) -> dict[str, Any]:
        """Return what the service takes that changes one."""
        said = self.cleaned_data
        return {"wanted": self.canned(), "add_files": said["files"], "remove_files": said.get("remove_files", ())}


def id_in(text: str | None) -> UUID | None:
    """Return the id that a text is, or None."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def offered_canned(viewer: Actor, conversation: Conversation) -> list[dict[str, Any]]:
    """Return what the viewer may send, in the conversation's language, with its files. Two queries."""
    found = []
    for reply in canned_replies.with_files(canned_replies.usable_replies(actor=viewer))[:OFFERED]:
        chosen = canned_replies.text_for(reply=reply, conversation=conversation)
        files = [{"id": str(file.pk), "name": file.filename} for file in reply.files.all()]
        counted = f"{len(files)} file{'s' * (len(files) > 1)}" if files else ""
        language = language_name(chosen.language) if reply.translations or chosen.is_fallback else ""
        found.append(
            {
                "reply": reply,
                "text": chosen.text,
                "files": files,
                "files_json": json.dumps(files) if files else "",
                "about": ", ".join(filter(None, (language, counted))),
            }
        )
    return found


def files_to_offer(viewer: Actor, request: HttpRequest) -> list[tuple[UUID, str]]:
    """Return the files of the canned reply that is chosen, or that were sent with the form, with their names."""
    if not viewer.may(REPLY):
        return []
    files = CannedFile.objects.filter(reply__in=canned_replies.usable_replies(actor=viewer).order_by())
    sent = [pk for pk in map(id_in, request.POST.getlist("canned_files")[:MOST]) if pk]
    chosen = id_in(request.GET.get("canned"))
    if sent:
        wanted = files.filter(pk__in=sent)
    elif chosen and request.method != "POST":
        wanted = files.filter(reply_id=chosen)
    else:
        return []
    return [(row.pk, row.filename) for row in wanted.only("id", "filename").order_by("created_at", "id")]


@admin.register(CannedReply)
class CannedReplyAdmin(ServiceAdmin):
    view_permission = REPLY
    nav = Nav("Canned replies", "chat", SETTINGS, CONVERSATIONS, order=40)
    intro = "Texts to send again. In a reply, type / and the shortcut."
    empty_title = "No canned replies yet"
    empty_text = "Write the first one, such as how to send shoes back."
    list_display = ("name", "slash", "whose", "beginning", "languages", "attached")
    ordering = ("shortcut", "id")
    to_list = ("delete",)
    detail_fields = ("slash", "whose", "text", "other_texts", "languages", "attached")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CannedReply]:
        return canned_replies.with_files(canned_replies.usable_replies(actor=viewer_of(request)).select_related("team"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.file_view)
        return [path("<uuid:object_id>/files/<uuid:file_id>/", view, name=FILE), *super().get_urls()]

    def file_view(self, request: HttpRequest, object_id: UUID, file_id: UUID) -> HttpResponse:
        """Serve one file as a download."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        try:
            asked = {"reply_id": object_id, "file_id": file_id}
            return download(canned_replies.read_canned_file(actor=viewer_of(request), **asked))
        except Refused as error:
            raise PermissionDenied(error.detail) from error
        except WalkerError as error:
            raise Http404(error.detail) from error

    name = Column[CannedReply]("Title", lambda row: row.title)
    slash = Column[CannedReply](
        "Shortcut", lambda row: format_html('<span class="wk-mono wk-nowrap">/{}</span>', row.shortcut)
    )
    whose = Column[CannedReply](
        "For",
        lambda row: (
            chip("Only you") if row.owner_id else chip(row.team.name, "info") if row.team else chip("Everybody")
        ),
    )
    beginning = Column[CannedReply]("Text", lambda row: f"{row.text[:80]}…" if len(row.text) > 80 else row.text)
    languages = Column[CannedReply](
        "Languages", lambda row: ", ".join(language_name(code) for code in (row.language, *sorted(row.translations)))
    )

    @admin.display(description="In other languages")
    def other_texts(self, row: CannedReply) -> str:
        rows = ((language_name(code), row.translations[code]) for code in sorted(row.translations))
        return format_html_join("", "<p><b>{}:</b> {}</p>", rows) or "–"

    @admin.display(description="Files")
    def attached(self, row: CannedReply) -> str:
        files = ((reverse(f"admin:{FILE}", args=[row.pk, file.pk]), file.filename) for file in row.files.all())
        return format_html_join(", ", '<a href="{}">{}</a>', files) or "–"

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if obj is None:
            return {"scope": MINE, "language": "en"}
        scope = MINE if obj.owner_id else str(obj.team_id) if obj.team_id else EVERYBODY
        values = {
            name: getattr(obj, name) for name in ("shortcut", "title", "text", "language", "translations", "version")
        }
        return {**values, "scope": scope, "kept_files": [(file.pk, file.filename) for file in obj.files.all()]}

    create = creates(
        canned_replies.create_canned_reply,
        REPLY,
        CannedForm,
        title="New canned reply",
        done="“{}” was created.",
        values=lambda form: {"wanted": form.canned(), "files": form.cleaned_data["files"]},
    )
    edit = edits(
        canned_replies.revise_canned_reply,
        "reply_id",
        REPLY,
        CannedForm,
        tone="primary",
        done="“{}” was saved.",
        values=CannedForm.revision,
    )

    delete = deletes(
        canned_replies.delete_canned_reply, "reply_id", REPLY, form=VersionedForm, done="“{}” was deleted."
    )
