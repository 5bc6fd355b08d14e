"""The console's pages of workflows: read, edit and test them."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.permissions import object_permissions
from console.base.actions import ServiceAction, action_url, service_action
from console.base.crud import calls, deletes, edits
from console.base.forms import ConsoleForm, VersionedForm
from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.extensions import Step, steps
from console.navigation import APPROVAL_RULES, SETTINGS, Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from core.actors import Actor
from core.errors import Conflict
from hitl.actions import own_fields
from hitl.approvals.change.simulate import simulate
from hitl.models import ApprovalWorkflow
from hitl.notification_channels import channels
from hitl.policy import selectors
from hitl.policy.admin.simulate import TrialForm, trial_of, tried
from hitl.policy.admin.workflow_form.form import SECTIONS, SentenceForm, WorkflowForm, defaults, initial_of
from hitl.policy.admin.workflow_form.stale_choices import uuid_in
from hitl.policy.selectors import MANAGE_MEMBERSHIP
from hitl.policy.workflows.definitions import with_levels
from hitl.policy.workflows.describe import Label, covered, escalation_of, rules_of, sentence, steps_of
from hitl.policy.workflows.labels import ROLE_NAMES, labels
from hitl.policy.workflows.workflows import (
    OWN,
    SHAREABLE,
    conditions_of,
    copy_workflow,
    create_workflow,
    levels_of,
    restore_workflow,
    retire_workflow,
    revise_workflow,
    share_workflow,
)
from hitl.simulation.admin import TRY, try_on_history

MANAGE: Final = "hitl.manage_workflow"
UNREADABLE: Final = "People are asked, as it is unknown whether a condition is met: {}"
PATHS: Final = {"matches": "conditions", "levels": "approvers", "clock": "deadlines", "alone": "automatic"}
"""The page on which each section is edited."""
SECTION_AT: Final = {path: key for key, path in PATHS.items()}


class CopyForm(ConsoleForm):
    name = forms.CharField(label="Name", max_length=80)


class ShareForm(ConsoleForm):
    roles = forms.MultipleChoiceField(
        label="Roles that can also change it",
        choices=[(role, ROLE_NAMES[role]) for role in SHAREABLE],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


def summary_of(workflow: ApprovalWorkflow, label: Label) -> str:
    """Return a workflow in one sentence."""
    return sentence(conditions_of(workflow), levels_of(workflow), label)


def parts_of(workflow: ApprovalWorkflow, label: Label, edit_urls: dict[str, str]) -> list[dict[str, Any]]:
    """Return the sections of a workflow as its page shows them: what each says, and where it is edited."""
    conditions, levels = conditions_of(workflow), levels_of(workflow)
    unclear = [UNREADABLE.format(problem) for problem in own_fields.problems_of(workflow.condition_texts)]
    remind = f"Remind every {_hours(workflow.reminder_every_hours)}, up to {workflow.reminder_max} times."
    said: dict[str, list[str]] = {
        "matches": [covered(conditions, label), *unclear],
        "levels": steps_of(levels, label),
        "clock": [
            *([remind] if workflow.reminder_every_hours and workflow.reminder_max else []),
            *(f"{step}." for step in escalation_of(conditions, label)),
            f"Expires if not decided within {_hours(workflow.expire_hours)}.",
            f"Must be executed within {_hours(workflow.execute_within_hours)} of the approval.",
        ],
        "alone": rules_of(conditions) or ["People decide every request."],
    }
    return [
        {"key": key, "title": title, "lines": said[key], "edit_url": edit_urls.get(PATHS[key], "")}
        for key, title in SECTIONS.items()
    ]


def _edits(path: str, title: str) -> ServiceAction:
    """Return the action that edits a workflow, or one section of it."""

    def edit(page: Any, request: HttpRequest, obj: ApprovalWorkflow, form: WorkflowForm) -> str | HttpResponse:
        return page.save_or_try(request, obj, form)  # type: ignore[no-any-return]

    looks: dict[str, Any] = {"on_object": True, "submit": "Save", "tone": "good"}
    return service_action(path=path, title=title, permission=MANAGE, form=WorkflowForm, **looks)(edit)


@admin.register(ApprovalWorkflow)
class WorkflowAdmin(ServiceAdmin):
    view_permission = "hitl.view_approvalworkflow"
    nav = Nav("Workflows", "route", SETTINGS, APPROVAL_RULES, order=10)
    intro = "Which requests need whose approval. Open requests keep the version they started with."
    empty_title = "No workflows yet"
    empty_text = "Until you create one, every request is put on hold because nobody can approve it."
    list_display = ("name", "says", "standing", "priority", "version")
    ordering = ("-is_active", "-priority", "id")
    detail_template = "console/workflow.html"
    detail_fields = ("standing", "priority", "version", "expires", "execution", "notified", "emergency")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApprovalWorkflow]:
        rows, viewer = super().get_queryset(request).prefetch_related(with_levels()), viewer_of(request)
        return rows if viewer.may(self.view_permission) else rows.filter(pk__in=selectors.shared_workflows(viewer))

    def opens_to(self, viewer: Actor) -> bool:
        """Open the pages also to people who have a shared workflow."""
        return super().opens_to(viewer) or bool(selectors.shared_workflows(viewer))

    def prepare_rows(self, request: HttpRequest, rows: list[ApprovalWorkflow]) -> None:
        label = labels()
        for workflow in rows:
            workflow.summary = summary_of(workflow, label)  # type: ignore[attr-defined]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        found = super().list_context(request)
        return {"offered": [offer for offer in found["offered"] if offer["action"].path != "sentence"]}

    def detail_context(self, request: HttpRequest, obj: ApprovalWorkflow) -> dict[str, Any]:
        """Return the fields, with a link to the form instead of the form."""
        found = super().detail_context(request, obj)
        offered = {offer["action"].path: offer for offer in found["offered"] if not offer["blocked"]}
        edit = offered.pop("edit", None)
        edit_urls = {path: offered.pop(path)["url"] for path in SECTION_AT if path in offered}
        viewer = viewer_of(request)
        if not viewer.may(MANAGE):
            edit_urls.pop("automatic", None)
        test = self.service_actions["try"]
        return {
            **found,
            "edit_url": edit["url"] if edit else "",
            "offered": list(offered.values()),
            "parts": parts_of(obj, labels(), edit_urls),
            "trial": {"form": self.action_form(request, test, None), "url": action_url(self, test, None)}
            if viewer.may(test.permission)
            else None,
        }

    says = Column[ApprovalWorkflow]("Summary", lambda workflow: str(workflow.summary))  # type: ignore[attr-defined]

    @admin.display(description="State")
    def standing(self, workflow: ApprovalWorkflow) -> str:
        if not workflow.is_active:
            return chip("Retired", "neutral", "ban")
        return chip("Default", "accent", "flag") if workflow.is_default else chip("In use", "good", "check")

    expires = Column[ApprovalWorkflow](
        "Expires", lambda workflow: f"If not decided within {_hours(workflow.expire_hours)}"
    )
    execution = Column[ApprovalWorkflow](
        "Execution", lambda workflow: f"Within {_hours(workflow.execute_within_hours)} of the approval"
    )

    @admin.display(description="Notifications")
    def notified(self, workflow: ApprovalWorkflow) -> str:
        used = [label for name, label in channels() if name in workflow.notify_by]
        ways = ["in the console", *(f"by {'email' if label == 'Email' else label}" for label in used)]
        words = f"{', '.join(ways[:-1])} and {ways[-1]}" if used else "in the console only"
        return words[:1].upper() + words[1:]

    @admin.display(description="Emergency approval")
    def emergency(self, workflow: ApprovalWorkflow) -> str:
        if not workflow.allow_override:
            return "Not allowed"
        return "An owner with two-factor authentication can approve alone. Someone else reviews it afterwards."

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        if action.path in ("edit", "retire", *SECTION_AT) and not obj.is_active:
            return "This workflow is retired. Restore it first."
        return "This workflow is in use." if action.path == "restore" and obj.is_active else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        if action.path == "create":
            return defaults(request.tenant)  # type: ignore[attr-defined]
        if action.path == "edit":
            return {**initial_of(obj), "limited": not viewer_of(request).may(MANAGE)}
        if action.path in SECTION_AT:
            limited = not viewer_of(request).may(MANAGE)
            return {**initial_of(obj), "limited": limited, "section": SECTION_AT[action.path], "workflow": str(obj.pk)}
        if action.path == "sentence":
            return self._half_edited(request)
        if action.path == "retire":
            return {"version": obj.version}
        if action.path == "share":
            return {"roles": sorted(object_permissions.roles_with(MANAGE, obj))}
        return {"name": f"{obj.name} (copy)"[:80]} if action.path == "copy" else {}

    def _half_edited(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the section that is being edited does not show; nothing for a whole form."""
        key, chosen = request.POST.get("of_section", ""), request.POST.get("of_workflow", "")
        pk = uuid_in(chosen)
        obj = self.get_queryset(request).filter(pk=pk).first() if pk and key in SECTIONS else None
        return {**initial_of(obj), "section": key} if obj else {}

    @service_action(title="New workflow", permission=MANAGE, form=WorkflowForm, submit="Create",
                    tone="good", on_list=True)  # fmt: skip
    def create(self, request: HttpRequest, obj: None, form: WorkflowForm) -> str | HttpResponse:
        levels, conditions = form.definition()
        name = form.cleaned_data["name"]
        if TRY in request.POST:
            draft = {"name": name, "levels": levels, "conditions": conditions}
            return try_on_history(viewer_of(request), "workflow", draft, request.POST[TRY])
        made = create_workflow(actor=viewer_of(request), name=name, levels=levels, **conditions)
        return f"{made.name} is now in use."

    def save_or_try(self, request: HttpRequest, obj: ApprovalWorkflow, form: WorkflowForm) -> str | HttpResponse:
        """Save a new version with what the form, or its section, changed, or try it on past requests."""
        seen, name = form.seen_version(), form.cleaned_data["name"]
        levels, conditions = form.definition()
        if form.is_limited:
            conditions = {field: value for field, value in conditions.items() if field in OWN}
        if TRY in request.POST:
            draft = {"workflow": obj.pk, "name": name, "levels": levels, "conditions": conditions}
            return try_on_history(viewer_of(request), "workflow", draft, request.POST[TRY])
        try:
            actor = viewer_of(request)
            revise_workflow(actor=actor, workflow_id=obj.pk, name=name, levels=levels, seen_version=seen, **conditions)
        except Conflict as error:
            raise Conflict(error.detail, code=error.code, **error.facts, says=summary_of(obj, labels())) from error
        return f"{name} was saved. Open requests keep the version they started with."

    edit = _edits("edit", "Edit")
    edit_conditions = _edits("conditions", "Edit conditions")
    edit_approvers = _edits("approvers", "Edit approvers")
    edit_deadlines = _edits("deadlines", "Edit deadlines and escalation")
    edit_automatic = _edits("automatic", "Edit automatic decisions")
    copy = edits(copy_workflow, "workflow_id", MANAGE, CopyForm, title="Copy", submit="Copy",
                 done="{} was created and is now in use.")  # fmt: skip
    retire = deletes(retire_workflow, "workflow_id", MANAGE, title="Retire", form=VersionedForm,
                     explain="It no longer applies to new requests. Open requests keep it.",
                     done="{} was retired.")  # fmt: skip

    restore = calls(restore_workflow, "workflow_id", title="Restore", permission=MANAGE,
                    done="{} is in use again.")  # fmt: skip
    share = calls(share_workflow, "workflow_id", title="Share", permission=MANAGE_MEMBERSHIP,
                  form=ShareForm, submit="Save", explain="These roles can change who approves in this workflow and "
                  "when. Roles that manage all workflows always can.", done="Sharing of {} was saved.")  # fmt: skip

    @service_action(path="try", title="Test workflows", permission="hitl.view_approvalworkflow", form=TrialForm,
                    submit="Test", on_list=True,
                    explain="Find out which workflow would apply to a request, and who would be asked. "
                    "Nothing is saved.")  # fmt: skip
    def attempt(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        found = simulate(viewer=viewer_of(request), trial=trial_of(form), moment=form.cleaned_data["moment"])
        context = {**self.admin_site.each_context(request), "list_url": self.list_url(), "opts": self.model._meta}
        return TemplateResponse(request, "console/workflow_trial.html", {**context, **tried(form, found)})

    @service_action(title="Summary", permission=MANAGE, form=SentenceForm, on_list=True)
    def sentence(self, request: HttpRequest, obj: None, form: SentenceForm) -> HttpResponse:
        """Return the form as one sentence, as far as it is filled in."""
        levels, conditions = form.definition()
        return HttpResponse(sentence(conditions, levels, labels()), content_type="text/plain; charset=utf-8")


class CreateWorkflow(Step):
    """The first workflow."""

    title, order, permission = "Choose who approves", 40, MANAGE
    text = "A workflow says who approves which requests, and by when. Without one, requests are put on hold."
    page = "admin:hitl_approvalworkflow_create"

    def is_done(self, viewer: Actor) -> bool:
        return bool(ApprovalWorkflow.objects.filter(is_active=True).exists())


steps.register("hitl.workflow", CreateWorkflow)


def _hours(count: int) -> str:
    return f"{count} hour{'' if count == 1 else 's'}"
