"""The console's page of the switch for links in mails that decide."""

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from console.base.actions import ServiceAction, service_action
from console.extensions import Notice
from console.navigation import Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from hitl import services
from hitl.admin.approval.forms import VersionedForm
from hitl.admin.policy.base import VersionAdmin
from hitl.decision_links import policy as link_policy
from hitl.decision_links.settings import MANAGE
from hitl.models import LinkPolicy

OFF_EVERYWHERE: Final = Notice(
    "Links are switched off for the whole installation",
    "Mails lead to the sign-in, whatever is chosen here. Only the operator can switch them on.",
    tone="warn",
    icon="mail",
)
OFF_HERE: Final = Notice(
    "Links that decide are off", "Mails about approvals lead to the sign-in.", tone="warn", icon="mail"
)

_READ: Final = "link_standing"


def _standing(request: HttpRequest) -> link_policy.Standing:
    """Return what holds, read once for a page."""
    if not hasattr(request, _READ):
        setattr(request, _READ, link_policy.current())
    standing: link_policy.Standing = getattr(request, _READ)
    return standing


class SwitchForm(VersionedForm):
    """Why links are switched."""

    reason = forms.CharField(
        label="Why? (optional)",
        max_length=300,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Colleagues read this here. Do not write personal data.",
    )


@admin.register(LinkPolicy)
class LinkPolicyAdmin(VersionAdmin):
    """Whether links in mails decide, switch by switch."""

    nav = Nav("Decision links", "link", group="Set-up", order=46)
    intro = (
        "Mails to those who are asked can bring a link by which they decide without signing in, where the risk is "
        "low or medium. The installation may draw that line elsewhere."
    )
    empty_title = "Never switched: links decide where the installation lets them"
    empty_text = "Whoever reads a signer's mailbox can use such a link. Owners can switch them off."
    list_display = ("standing", "reason", "by", "since")
    detail_fields = ("standing", "version", "reason", "by", "since")

    @admin.display(description="Switched")
    def standing(self, policy: LinkPolicy) -> str:
        """Tell which way it was switched."""
        return chip("On", "good", "check") if policy.is_on else chip("Off", "neutral", "ban")

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Say what holds now, and offer the other."""
        told = {"off": [OFF_EVERYWHERE], "off_here": [OFF_HERE]}
        offered = [offer for offer in self.offered(request, None, on_list=True) if not offer["blocked"]]
        return {"offered": offered, "banners": told.get(_standing(request).why_off, [])}

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Say what is in the way."""
        standing = _standing(request)
        if action.path == "switch-off":
            return "" if standing.is_on_here else "They are off already."
        if not standing.is_on_everywhere:
            return "The operator of this installation has switched them off for everybody."
        return "They are on already." if standing.is_on_here else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        """Fill in the version that is seen."""
        return {"version": _standing(request).version}

    @service_action(path="switch-off", title="Switch links off", permission=MANAGE, form=SwitchForm, tone="danger",
                    on_list=True, submit="Switch off", explain="Links that were sent stop at once, for good. What "
                    "was decided by one stays decided: take it back on its page where you doubt it.")  # fmt: skip
    def switch_off(self, request: HttpRequest, obj: None, form: SwitchForm) -> str:
        """Let no link decide."""
        self._switch(request, form, is_on=False)
        return "No link decides any more. Mails lead to the sign-in."

    @service_action(path="switch-on", title="Switch links on", permission=MANAGE, form=SwitchForm, tone="good",
                    on_list=True, submit="Switch on", explain="Mails from now on bring links that decide, where the "
                    "risk allows it. Whoever reads a mailbox can use its links. Older ones stay void.")  # fmt: skip
    def switch_on(self, request: HttpRequest, obj: None, form: SwitchForm) -> str:
        """Let links decide again."""
        self._switch(request, form, is_on=True)
        return "Mails bring links that decide from now on."

    def _switch(self, request: HttpRequest, form: SwitchForm, *, is_on: bool) -> None:
        said = {"reason": form.cleaned_data["reason"], "seen_version": form.seen_version()}
        vars(request).pop(_READ, None)  # a page that says why it failed reads anew
        services.set_link_policy(actor=viewer_of(request), is_on=is_on, **said)
