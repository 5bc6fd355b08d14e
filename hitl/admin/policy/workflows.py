"""The console's pages of workflows: reading, writing and trying them out."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.permissions import object_permissions
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.extensions import Banner, Notice, banners
from console.navigation import Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from core.actors import Actor
from core.errors import Conflict, Invalid
from hitl import services
from hitl.admin.approval.forms import VersionedForm
from hitl.admin.policy.simulate import TrialForm, trial_of, tried
from hitl.admin.policy.workflow_form.form import SentenceForm, WorkflowForm, defaults
from hitl.admin.policy.workflow_form.values import MAIL, in_words_of_the_form, initial_of, values_of
from hitl.approvals.simulate import simulate
from hitl.models import ApprovalWorkflow
from hitl.policy import selectors
from hitl.policy.cache import with_levels
from hitl.policy.describe import Label, sentence
from hitl.policy.labels import ROLE_NAMES, labels
from hitl.policy.workflows import OWN, SHAREABLE, conditions_of, levels_of

MANAGE: Final = "hitl.manage_workflow"


class CopyForm(ConsoleForm):
    """What the copy is called."""

    name = forms.CharField(label="Name of the copy", max_length=80)


class ShareForm(ConsoleForm):
    """Roles that may change one workflow."""

    roles = forms.MultipleChoiceField(
        label="May change it too",
        choices=[(role, ROLE_NAMES[role]) for role in SHAREABLE],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


def summary_of(workflow: ApprovalWorkflow, label: Label) -> str:
    """Return the sentence of a workflow."""
    return sentence(conditions_of(workflow), levels_of(workflow), label)


@admin.register(ApprovalWorkflow)
class WorkflowAdmin(ServiceAdmin):
    """Which requests need whose signatures."""

    view_permission = "hitl.view_approvalworkflow"
    nav = Nav("Workflows", "route", group="Set-up", order=40)
    intro = "Which requests need whose signatures. Running requests keep the version they started with."
    empty_title = "No workflows yet"
    empty_text = "Without one, every request is held: nobody is asked to sign it."
    list_display = ("name", "says", "standing", "priority", "version")
    ordering = ("-is_active", "-priority", "id")
    detail_template = "console/workflow.html"
    detail_fields = ("standing", "priority", "version", "expires", "carried_out", "told", "alone")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApprovalWorkflow]:
        """Read the levels with the workflows."""
        rows, viewer = super().get_queryset(request).prefetch_related(with_levels()), viewer_of(request)
        return rows if viewer.may(self.view_permission) else rows.filter(pk__in=selectors.given_workflows(viewer))

    def opens_to(self, viewer: Actor) -> bool:
        """Who was given a workflow sees that one."""
        return super().opens_to(viewer) or bool(selectors.given_workflows(viewer))

    def prepare_rows(self, request: HttpRequest, rows: list[ApprovalWorkflow]) -> None:
        """Write the sentence of each."""
        label = labels()
        for workflow in rows:
            workflow.summary = summary_of(workflow, label)  # type: ignore[attr-defined]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Offer what has a page of its own."""
        found = super().list_context(request)
        return {"offered": [offer for offer in found["offered"] if offer["action"].path != "sentence"]}

    def detail_context(self, request: HttpRequest, obj: ApprovalWorkflow) -> dict[str, Any]:
        """Return the facts, and a link to the form instead of the form."""
        found = super().detail_context(request, obj)
        edit = [offer for offer in found["offered"] if offer["action"].path == "edit" and not offer["blocked"]]
        others = [offer for offer in found["offered"] if offer["action"].path != "edit" and not offer["blocked"]]
        return {**found, "edit_url": edit[0]["url"] if edit else "", "offered": others}

    @admin.display(description="What it says")
    def says(self, workflow: ApprovalWorkflow) -> str:
        """Return the sentence."""
        return str(workflow.summary)  # type: ignore[attr-defined]

    @admin.display(description="State")
    def standing(self, workflow: ApprovalWorkflow) -> str:
        """Tell whether it is used."""
        if not workflow.is_active:
            return chip("Retired", "neutral", "ban")
        return chip("Default", "accent", "flag") if workflow.is_default else chip("In use", "good", "check")

    @admin.display(description="Expires")
    def expires(self, workflow: ApprovalWorkflow) -> str:
        """Return how long a request waits for its decision."""
        return f"When nobody decides within {_hours(workflow.expire_hours)}"

    @admin.display(description="Carried out")
    def carried_out(self, workflow: ApprovalWorkflow) -> str:
        """Return how long an approval lasts."""
        return f"Within {_hours(workflow.execute_within_hours)} of the approval, or not at all"

    @admin.display(description="Told")
    def told(self, workflow: ApprovalWorkflow) -> str:
        """Return how those who are asked hear of it."""
        return "In the console and by mail" if MAIL in workflow.notify_by else "In the console only, not by mail"

    @admin.display(description="In an emergency")
    def alone(self, workflow: ApprovalWorkflow) -> str:
        """Tell whether somebody may approve past the signers."""
        if not workflow.allow_override:
            return "Nobody approves past the signers"
        return "An owner with a second factor may approve alone; somebody else reviews it afterwards"

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Say what is in the way."""
        if action.path in ("edit", "retire") and not obj.is_active:
            return "It is retired. Restore it first."
        return "It is in use." if action.path == "restore" and obj.is_active else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Fill the form in."""
        if action.path == "create":
            return defaults(request.tenant)  # type: ignore[attr-defined]
        if action.path == "edit":
            return {**initial_of(obj), "limited": not viewer_of(request).may(MANAGE)}
        if action.path == "retire":
            return {"version": obj.version}
        if action.path == "share":
            return {"roles": sorted(object_permissions.roles_with(MANAGE, obj))}
        return {"name": f"{obj.name} (copy)"[:80]} if action.path == "copy" else {}

    @service_action(path="create", title="New workflow", permission=MANAGE, form=WorkflowForm, submit="Create",
                    tone="good", on_list=True)  # fmt: skip
    def create(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Define a workflow."""
        levels, conditions = values_of(form.cleaned_data)
        try:
            made = services.create_workflow(
                actor=viewer_of(request), name=form.cleaned_data["name"], levels=levels, **conditions
            )
        except Invalid as error:
            raise in_words_of_the_form(error, form.cleaned_data) from error
        return f"{made.name} is in use from now on."

    @service_action(
        path="edit", title="Edit", permission=MANAGE, on_object=True, form=WorkflowForm, submit="Save", tone="good"
    )
    def edit(self, request: HttpRequest, obj: ApprovalWorkflow, form: WorkflowForm) -> str:
        """Change a workflow."""
        seen = form.seen_version()
        levels, conditions = values_of(form.cleaned_data, obj)
        name = form.cleaned_data["name"]
        if form.is_limited:
            conditions = {field: value for field, value in conditions.items() if field in OWN}
        try:
            services.revise_workflow(
                actor=viewer_of(request),
                workflow_id=obj.pk,
                name=name,
                levels=levels,
                seen_version=seen,
                **conditions,
            )
        except Invalid as error:
            raise in_words_of_the_form(error, form.cleaned_data) from error
        except Conflict as error:
            raise Conflict(error.detail, code=error.code, **error.facts, says=summary_of(obj, labels())) from error
        return f"{name} is changed. Running requests keep the version they started with."

    @service_action(path="copy", title="Copy", permission=MANAGE, form=CopyForm)
    def copy(self, request: HttpRequest, obj: ApprovalWorkflow, form: ConsoleForm) -> str:
        """Define one like it."""
        made = services.copy_workflow(actor=viewer_of(request), workflow_id=obj.pk, **form.cleaned_data)
        return f"{made.name} is made and in use."

    @service_action(path="retire", title="Retire", permission=MANAGE, form=VersionedForm, tone="danger",
                    explain="New requests do not fall under it any more. Running ones keep it.")  # fmt: skip
    def retire(self, request: HttpRequest, obj: ApprovalWorkflow, form: ConsoleForm) -> str:
        """Take it out of use."""
        seen = form.cleaned_data["version"]
        services.retire_workflow(actor=viewer_of(request), workflow_id=obj.pk, seen_version=seen)
        return f"{obj.name} is retired."

    @service_action(path="restore", title="Restore", permission=MANAGE)
    def restore(self, request: HttpRequest, obj: ApprovalWorkflow, form: ConsoleForm) -> str:
        """Bring it back."""
        services.restore_workflow(actor=viewer_of(request), workflow_id=obj.pk)
        return f"{obj.name} is in use again."

    @service_action(path="share", title="Share", permission="accounts.manage_membership", form=ShareForm,
                    submit="Save", explain="Who may say who signs in this one workflow and when, "
                    "beside those who may change them all.")  # fmt: skip
    def share(self, request: HttpRequest, obj: ApprovalWorkflow, form: ConsoleForm) -> str:
        """Say which roles may change it too."""
        services.share_workflow(actor=viewer_of(request), workflow_id=obj.pk, **form.cleaned_data)
        return f"It is saved who may change {obj.name}."

    @service_action(path="try", title="Try it", permission="hitl.view_approvalworkflow", form=TrialForm,
                    submit="Try it", on_list=True,
                    explain="Which workflow a request would fall under, and who is asked. Nothing is written. "
                    "Leave empty what does not matter.")  # fmt: skip
    def attempt(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Show what a request would meet."""
        found = simulate(viewer=viewer_of(request), trial=trial_of(form), moment=form.cleaned_data["moment"])
        context = {**self.admin_site.each_context(request), "list_url": self.list_url(), "opts": self.model._meta}
        return TemplateResponse(request, "console/workflow_trial.html", {**context, **tried(form, found)})

    @service_action(path="sentence", title="In one sentence", permission=MANAGE, form=SentenceForm, on_list=True)
    def sentence(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Say what the form says so far."""
        levels, conditions = values_of(_filled(form.cleaned_data))
        return HttpResponse(sentence(conditions, levels, labels()), content_type="text/plain; charset=utf-8")


class NobodySigns(Banner):
    """Says that requests are held as long as there is no workflow."""

    permission = MANAGE
    only_on_dashboard = True

    def notices(self, viewer: Actor) -> list[Notice]:
        """Return one banner until there is a workflow."""
        if ApprovalWorkflow.objects.filter(is_active=True).exists():
            return []
        text = "Until there is a workflow every request is held, because nobody is asked to sign it."
        url = reverse("admin:hitl_approvalworkflow_create")
        return [Notice("No workflow says who signs", text, url, "warn", "route")]


banners.register("hitl.nobody_signs", NobodySigns)


def _hours(count: int) -> str:
    return f"{count} hour{'' if count == 1 else 's'}"


def _filled(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"days": [], "from_time": "", "until_time": "", **said}
