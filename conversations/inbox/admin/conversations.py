"""The console's page of a conversation; their list is the inbox."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from accounts.permissions import shares
from accounts.privacy.reveals import ActiveReveal, get_active_reveal, reveal
from console.base.actions import ServiceAction, action_url, service_action
from console.base.crud import calls
from console.base.forms import ConsoleForm
from console.base.lists import whole_number
from console.base.share import end_share_action, share_action
from console.base.undo import UndoOffer, offer_undo, withdraw_offer
from console.names import name_in, names_of
from console.viewers import opens_beside_list, reads_rest, record_look, viewer_of
from conversations.contacts.admin.reach import (
    agent_meanwhile,
    needs_template,
    reply_context,
    templates_offered,
    why_no_reply,
)
from conversations.custom_fields.admin import NONE_YET
from conversations.inbox import assignment, snoozes, states
from conversations.inbox.admin.actions import SnoozeForm, tags_of
from conversations.inbox.admin.approval_panel import customer_name
from conversations.inbox.admin.bulk import BulkActions
from conversations.inbox.admin.choices import REPLY, choices_of
from conversations.inbox.admin.first_messages import FirstMessages
from conversations.inbox.admin.forms import OBJECT, CloseForm, ReplyForm, RevealForm, SendAgainForm
from conversations.inbox.admin.inbox import InboxPage
from conversations.inbox.admin.page import (
    SHOWABLE,
    answer_meanwhile,
    contact_facts,
    contact_url,
    has,
    newest_seq,
    side_of,
    thread_of,
    with_parts,
)
from conversations.inbox.admin.rows import tone_of
from conversations.inbox.admin.search import ConversationSearch
from conversations.inbox.admin.tags import tag_chips, tags_on
from conversations.inbox.selectors.tags import tags_of_conversations
from conversations.inbox.teams import seen
from conversations.messages import attachments, outbound
from conversations.messages.admin.interpretation import due_chip
from conversations.messages.attachments import File
from conversations.messages.downloads import download, picture_of
from conversations.messages.outbound import Draft, Sender
from conversations.models import Conversation, Message
from conversations.replies import canned_replies
from conversations.replies.admin.canned_replies import files_to_offer, offered_canned
from conversations.replies.admin.macros import offered_macros
from conversations.replies.admin.suggestions import review_of
from conversations.replies.drafts import drop_draft, save_draft, with_own_drafts
from core.actors import Actor
from core.clock import now
from core.errors import Conflict, NotFound, Refused, Unavailable, WalkerError

ABOUT: Final = ("name", "language", "contact-fields", "tag", "untag")
"""The actions beside the contact."""
HEAD: Final = {"snooze": "moon", "tags": "tag", "close": "check"}
"""The actions that have an icon above the messages."""
APART: Final = {
    "macro": "macro",
    "note": "note",
    "edit_note": "edit-note",
    "again": "send-again",
    "assign": "assign",
    "move": "team",
    "take_over": "take-over",
}
"""The actions that stand in places of their own, by what the page calls them."""
SHARED_ACTS: Final = ("reply", "note", "edit-note")
"""What people do in a conversation that is shared with them to act."""
UNDO_SECONDS: Final = 30
DRAFT: Final = "conversations_conversation_draft"
State = Conversation.State


@admin.register(Conversation)
class ConversationAdmin(InboxPage, BulkActions, FirstMessages, ConversationSearch):
    """A conversation in the console. Every view of one is recorded."""

    view_permission = "conversations.view_conversation"
    share_kind = shares.CONVERSATION
    intro = "Live conversations between agents, colleagues and customers. Personal data is masked."
    detail_template = "console/conversation.html"
    masked_fields = ("contact", "contact__display_name", "contact__masked_name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        """Return the conversations with the last words of each, masked."""
        last = Message.objects.filter(conversation=OuterRef("pk")).order_by("-seq")
        return self._rows(request).annotate(last_text=Subquery(last.values("masked_body")[:1]))

    def object_rows(self, request: HttpRequest) -> QuerySet[Conversation]:
        """Return the conversations, each with the parts that its page has.

        Without the last words: where most conversations are short, a long one is read and sorted for them.
        """
        return with_parts(self._rows(request), viewer_of(request))

    def _rows(self, request: HttpRequest) -> QuerySet[Conversation]:
        """Return the conversations without columns that would have to be decrypted."""
        rows = super().get_queryset(request).filter(seen.seen_by(viewer_of(request)))
        rows = rows.select_related("contact__user", "origin__user", "channel_account", "team")
        hidden: QuerySet[Conversation] = rows.defer(
            "contact__display_name", "origin__display_name", "channel_account__credentials"
        )
        return hidden

    def prepare_rows(self, request: HttpRequest, rows: list[Conversation]) -> None:
        """Read the names of all assignees, and the tags, at once."""
        may_reply, known = viewer_of(request).may(REPLY), dict(choices_of(request).viewers)
        # A former colleague is none of those who may see conversations now.
        assigned = [row.assigned_to_id for row in rows]
        names = known if {None, *known}.issuperset(assigned) else names_of(assigned)
        drafts = with_own_drafts(actor=viewer_of(request), conversation_ids=[row.pk for row in rows])
        tags = tags_of_conversations(viewer=viewer_of(request), conversation_ids=[row.pk for row in rows])
        for row in rows:
            row.assignee_name = name_in(names, row.assigned_to_id, otherwise="")  # type: ignore[attr-defined]
            if may_reply:
                row.pick_value = str(row.pk)  # type: ignore[attr-defined]
            row.has_draft = row.pk in drafts  # type: ignore[attr-defined]
            row.tags_on_it = tags.get(row.pk, ())  # type: ignore[attr-defined]
            row.colleagues = known  # type: ignore[attr-defined]
        self.mark_matches(request, rows)

    def object_title(self, conversation: Conversation) -> str:
        """Return the masked name, or the channel."""
        return customer_name(conversation)

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return to the list when a conversation was moved or given away, out of the viewer's teams."""
        viewer = viewer_of(request)
        is_limited = obj is not None and viewer.teams is not None
        if is_limited and not seen.seen_conversations(viewer).filter(pk=obj.pk).exists():
            return self.left_url(request)
        return super().after_action_url(request, action, obj)

    def get_urls(self) -> list[URLPattern]:
        """Add the routes of message files."""
        route = "<uuid:object_id>/files/<uuid:attachment_id>/"
        draft = path("<uuid:object_id>/draft/", self.admin_site.admin_view(self.draft_view), name=DRAFT)
        file, picture = (self.admin_site.admin_view(view) for view in (self.file_view, self.preview_view))
        return [
            path(route, file, name="conversations_conversation_file"),
            path(f"{route}preview/", picture, name="conversations_conversation_preview"),
            draft,
            *super().get_urls(),
        ]

    def draft_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Keep what the viewer has begun to write here."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            save_draft(actor=viewer_of(request), conversation_id=object_id, text=request.POST.get("text", ""))
        except NotFound as error:
            raise Http404(error.detail) from error
        except WalkerError as error:
            return JsonResponse({"detail": error.detail}, status=error.status)
        return JsonResponse({"saved": True})

    def file_view(self, request: HttpRequest, object_id: UUID, attachment_id: UUID) -> HttpResponse:
        """Serve one file as a download, if the messages are revealed. Each download is audited."""
        return self._serve(request, download, conversation_id=object_id, attachment_id=attachment_id)

    def preview_view(self, request: HttpRequest, object_id: UUID, attachment_id: UUID) -> HttpResponse:
        """Serve one picture if the messages are revealed. Each is audited; a browser asks once while it is revealed."""
        return self._serve(request, picture_of, conversation_id=object_id, attachment_id=attachment_id, as_preview=True)

    def _serve(self, request: HttpRequest, answer: Callable[[File], HttpResponse], **asked: Any) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        try:
            return answer(attachments.read_attachment(actor=viewer_of(request), **asked))
        except Refused as error:
            raise PermissionDenied(error.detail) from error
        except (NotFound, Conflict, Unavailable) as error:
            raise Http404(error.detail) from error

    def detail_context(self, request: HttpRequest, obj: Conversation) -> dict[str, Any]:
        """Return everything the conversation's page shows, and record the view."""
        viewer, grant, review = self._look(request, obj)
        clear = grant.fields if grant else frozenset()
        thread = thread_of(obj, viewer, grant, before=whole_number(request.GET.get("before")))
        beside = {"rest_later": True} if opens_beside_list(request) else self._beside(request, obj, grant)
        return {
            **reply_context(viewer, obj),
            **thread,
            **beside,
            **review,
            "files_url": f"{self.object_url(obj)}files/" if "messages" in clear else "",
            "assignee": getattr(obj, "assignee_name", "") or "–",
            "assigned_words": getattr(obj, "assignee_name", "") or "Assign",
            "team_words": str(obj.team) if obj.team else "Team",
            "tone": tone_of(obj.contact_id),
            "due_chip": due_chip(obj),
            "tag_chips": tag_chips(tags_on(viewer, obj)),
            "meanwhile": agent_meanwhile(obj, viewer.user_id),
            "draft_url": reverse(f"admin:{DRAFT}", args=[obj.pk]),
            **self._offered_by_place(request, obj, is_masked=bool(set(SHOWABLE) - clear)),
        }

    def rest_context(self, request: HttpRequest, obj: Conversation) -> dict[str, Any]:
        """Return what a page left out that opened this conversation beside its list."""
        viewer, grant, _ = self._look(request, obj)
        is_masked = not grant or bool(set(SHOWABLE) - grant.fields)
        return {
            **self._beside(request, obj, grant),
            **self._offered_by_place(request, obj, is_masked=is_masked),
            "contact": contact_facts(viewer, obj, grant),
            "contact_url": contact_url(viewer, obj),
            "assignee": getattr(obj, "assignee_name", "") or "–",
        }

    def _look(self, request: HttpRequest, obj: Conversation) -> tuple[Actor, ActiveReveal | None, Mapping[str, Any]]:
        """Record the view, and return the viewer, what is revealed to them, and a reply that waits for a review."""
        viewer = viewer_of(request)
        record_look(request, obj, lambda: states.record_view(actor=viewer, conversation_id=obj.pk, read=obj))
        grant = get_active_reveal(actor=viewer, object_type=OBJECT, object_id=obj.pk)
        in_clear = grant is not None and "messages" in grant.fields
        review = review_of(self.admin_site, request, obj.pk, clear=in_clear) if has(obj, "suggestions") else {}
        obj.has_suggestion = bool(review)  # type: ignore[attr-defined]  # the summary names it
        return viewer, grant, review

    def _beside(self, request: HttpRequest, obj: Conversation, grant: ActiveReveal | None) -> dict[str, Any]:
        """Return what stands beside the messages, and in the menus of the reply."""
        viewer = viewer_of(request)
        may_reply = viewer.may(REPLY)
        # The number of the newest message that the person saw: a macro stops at a later one.
        seen_up_to = whole_number(request.GET.get("after")) if reads_rest(request) else None
        return {
            **side_of(obj, viewer, grant),
            "canned": offered_canned(viewer, obj) if may_reply else (),
            "macros": offered_macros(request) if may_reply and obj.state != State.CLOSED else (),
            "macro_run": {"run_id": uuid4(), "after": newest_seq(obj) if seen_up_to is None else seen_up_to},
        }

    def _offered_by_place(self, request: HttpRequest, obj: Conversation, *, is_masked: bool) -> dict[str, Any]:
        """Return the actions grouped by where the page shows them."""
        offered = {offer["action"].path: offer for offer in self.offered(request, obj)}
        reply, show = offered.pop("reply", None), offered.pop("reveal", None)
        free = {path: offer for path, offer in offered.items() if not offer["blocked"]}
        return {
            "reply": reply,
            "reveal": show if is_masked else None,
            **{name: free.pop(path, None) for name, path in APART.items()},
            "head_menus": [{"offer": free.pop(path), "icon": icon} for path, icon in HEAD.items() if path in free],
            "about": [free.pop(path) for path in ABOUT if path in free],
            "edit_fields": free.pop("fields", None),
            "others": list(free.values()),
        }

    def action_form(self, request: HttpRequest, action: ServiceAction, obj: Any, *, bound: bool = False) -> ConsoleForm:
        """Return the action's form; a reply offers what can be sent: a template where nothing else, and files."""
        form = super().action_form(request, action, obj, bound=bound)
        if action.path == "reply" and isinstance(form, ReplyForm):
            form.fit(outbound.files_of_channel(obj.channel_account))
            form.initial["after"] = newest_seq(obj)
            form.offer_canned(files_to_offer(viewer_of(request), request))
            is_offered = obj.state != State.CLOSED and needs_template(obj)
            form.offer_templates(templates_offered(obj) if is_offered else ())
        return form

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Return why an action is not available."""
        if action.on_list:
            return super().why_not(request, action, obj)
        if problem := why_only_shared(viewer_of(request), action.path, obj):
            return problem
        if action.path == "team" and not assignment.may_move(actor=viewer_of(request), conversation=obj):
            return "Only leads of the team can move it."
        if action.path == "fields":
            return "" if has(obj, "own_fields") else NONE_YET
        if action.path == "untag" and not tags_of(obj):
            return "This contact has no tags."
        if action.path in ("reveal", "edit-note", "note", "tags", *ABOUT):
            return ""
        if action.path == "reopen":
            late = "A close can only be undone for two minutes. A message from the customer reopens it."
            return "" if states.may_reopen(obj) else late
        if obj.state == State.CLOSED:
            return "This conversation is closed. A message from the customer reopens it."
        if action.path == "send-again":
            return ""
        if action.path == "reply":
            return why_no_reply(obj)
        return why_not_moved(viewer_of(request), action.path, obj)

    @service_action(
        title="Reply", permission=REPLY, form=ReplyForm, submit="Send", tone="primary", key="r", on_object=True
    )
    def reply(self, request: HttpRequest, obj: Conversation, form: ReplyForm) -> str:
        """Send a reply to the customer, which takes the conversation over; over somebody else's only when asked."""
        viewer = viewer_of(request)
        try:
            outbound.reply(
                actor=viewer,
                conversation_id=obj.pk,
                draft=Draft(
                    text=canned_replies.fill_variables(
                        actor=viewer, conversation_id=obj.pk, text=form.cleaned_data["text"]
                    ),
                    files=[
                        *form.cleaned_data.get("files", ()),
                        *canned_replies.canned_uploads(
                            actor=viewer, file_ids=form.cleaned_data.get("canned_files", ())
                        ),
                    ],
                    sender=Sender(type="person"),
                    template=form.by_template(),
                    after=form.cleaned_data["after"],
                ),
            )
            drop_draft(actor=viewer, conversation_id=obj.pk)
        except Conflict as problem:
            if problem.code != outbound.ANSWERED_MEANWHILE:
                raise
            form.ask_again(problem.facts["seq"])
            raise Conflict(answer_meanwhile(viewer, obj, problem), code=problem.code) from problem
        if not self.moves_on(request, "reply"):
            return ""
        return format_html('<a href="{}">{}</a>: Reply sent.', self.object_url(obj), customer_name(obj))

    share, end_share = share_action(shares.CONVERSATION), end_share_action(shares.CONVERSATION)
    send_again = calls(
        outbound.send_again,
        on_list=False,
        permission=REPLY,
        form=SendAgainForm,
        title="Send again",
        explain="Sends the failed message once more, if the contact can be messaged now.",
        values=lambda form: {"message_id": form.cleaned_data["message"]},
        done="The message is being sent again.",
    )
    take_over = calls(
        states.take_over,
        "conversation_id",
        permission=REPLY,
        title="Take over",
        explain="The agent stays silent until you hand the conversation back.",
        key="a",
        done="The conversation is yours. The agent is silent.",
    )
    give_back = calls(
        states.give_back,
        "conversation_id",
        permission=REPLY,
        title="Hand back to agent",
        explain="The agent answers the next message.",
        done="The agent answers again.",
    )

    @service_action(
        title="Close",
        permission=REPLY,
        form=CloseForm,
        explain="A message from the customer within seven days reopens it.",
        key="e",
    )
    def close(self, request: HttpRequest, obj: Conversation, form: CloseForm) -> str:
        """Close the conversation, and offer to undo it."""
        states.close(actor=viewer_of(request), conversation_id=obj.pk, **form.cleaned_data)
        return self._undoable(request, obj, "reopen", "Conversation closed.")

    @service_action(
        title="Snooze",
        permission=REPLY,
        form=SnoozeForm,
        explain="Hides this conversation until then, or until the customer writes. Its deadlines are paused.",
        key="s",
    )
    def snooze(self, request: HttpRequest, obj: Conversation, form: SnoozeForm) -> str:
        """Let the conversation rest, and offer to undo it."""
        snoozes.snooze(actor=viewer_of(request), conversation_id=obj.pk, until=form.until())
        return self._undoable(request, obj, "wake", "The conversation is snoozed.")

    def _undoable(self, request: HttpRequest, obj: Conversation, path: str, says: str) -> str:
        """Offer to undo an action by another one, which leads back to where the person was."""
        url = f"{action_url(self, self.service_actions[path], obj)}?{request.GET.urlencode()}".rstrip("?")
        until = now() + timedelta(seconds=UNDO_SECONDS)
        offer_undo(request, UndoOffer.of(customer_name(obj), self.object_url(obj), says, url, until))
        return ""

    @service_action(title="Reopen", permission=REPLY, explain="Undoes the close.")
    def reopen(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """Undo a close."""
        withdraw_offer(request, request.get_full_path())
        states.reopen(actor=viewer_of(request), conversation_id=obj.pk)
        return "The conversation is open again."

    @service_action(title="End snooze", permission=REPLY, explain="Its deadlines run again.")
    def wake(self, request: HttpRequest, obj: Conversation, form: ConsoleForm) -> str:
        """End the conversation's rest."""
        withdraw_offer(request, request.get_full_path())
        snoozes.wake(actor=viewer_of(request), conversation_id=obj.pk)
        return "The conversation is back."

    reveal = calls(
        reveal,
        "object_id",
        permission="accounts.view_pii",
        form=RevealForm,
        title="Show personal data",
        submit="Show for five minutes",
        explain="Only you can see it, and the audit log records it.",
        values=RevealForm.wanted,
    )


def why_only_shared(viewer: Actor, path: str, obj: Conversation) -> str:
    """Return why an action isn't for a viewer of a conversation that is only shared, "" if it is. Read once."""
    if path == "reveal" or seen.is_held(viewer, obj):
        return ""
    if not hasattr(obj, "shared_to_viewer"):
        obj.shared_to_viewer = shares.given(viewer, obj)  # type: ignore[attr-defined]
    may_act = REPLY in obj.shared_to_viewer  # type: ignore[attr-defined]
    return "" if may_act and path in SHARED_ACTS else "This conversation is only shared with you."


def why_not_moved(viewer: Actor, path: str, obj: Conversation) -> str:
    """Return why an open conversation can't be moved to who answers it, or rest; "" if it can."""
    if path in ("snooze", "wake") and obj.state != State.PERSON:
        return "The agent answers this conversation."
    if path == "wake" and obj.snoozed_until is None:
        return "This conversation isn't snoozed."
    if path == "give-back" and obj.state != State.PERSON:
        return "The agent is already answering."
    if path == "give-back" and obj.assigned_to_id is None:
        return "This conversation is unassigned."
    if path == "take-over" and obj.assigned_to_id == viewer.user_id:
        return "This conversation is already yours."
    return ""
