"""The console's page of approve-by-email links."""

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest

from console.base.actions import ServiceAction, service_action
from console.base.forms import VersionedForm
from console.base.lists import Column
from console.extensions import Notice
from console.navigation import APPROVAL_RULES, SETTINGS, Nav
from console.templatetags.console_ui import chip
from console.viewers import viewer_of
from hitl.approvals.admin.forms import reason_field
from hitl.decision_links.settings import MANAGE, set_link_policy
from hitl.models import LinkPolicy
from hitl.policy import link_policy
from hitl.policy.admin.base import VersionAdmin

OFF_EVERYWHERE: Final = Notice(
    "Approve-by-email links are turned off for this installation",
    "People have to sign in to decide. Only the operator can turn links on.",
    tone="warn",
    icon="mail",
)
OFF_HERE: Final = Notice(
    "Approve-by-email links are off", "People have to sign in to decide.", tone="warn", icon="mail"
)

_READ: Final = "link_standing"


def _standing(request: HttpRequest) -> link_policy.Standing:
    """Return the current setting, read once per page."""
    if not hasattr(request, _READ):
        setattr(request, _READ, link_policy.current())
    standing: link_policy.Standing = getattr(request, _READ)
    return standing


class SwitchForm(VersionedForm):
    reason = reason_field()


@admin.register(LinkPolicy)
class LinkPolicyAdmin(VersionAdmin):
    nav = Nav("Approve-by-email links", "link", SETTINGS, APPROVAL_RULES, order=85)
    intro = (
        "Emails to approvers can contain a link for deciding without signing in, if the risk is low or medium. "
        "This installation may use another limit."
    )
    empty_title = "Links are on, if this installation allows them"
    empty_text = "Anyone who can read an approver's mailbox can use such a link. Owners can turn them off."
    list_display = ("standing", "reason", "by", "since")
    detail_fields = ("standing", "version", "reason", "by", "since")

    standing = Column[LinkPolicy](
        "Links", lambda policy: chip("On", "good", "check") if policy.is_on else chip("Off", "neutral", "ban")
    )

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        notices = {"off": [OFF_EVERYWHERE], "off_here": [OFF_HERE]}
        offered = [offer for offer in self.offered(request, None, on_list=True) if not offer["blocked"]]
        return {"offered": offered, "banners": notices.get(_standing(request).why_off, [])}

    def why_not(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        standing = _standing(request)
        if action.path == "switch-off":
            return "" if standing.is_on_here else "Links are already off."
        if not standing.is_on_everywhere:
            return "Links are turned off for this installation. Contact the administrator."
        return "Links are already on." if standing.is_on_here else ""

    def form_initial(self, request: HttpRequest, action: ServiceAction, obj: Any) -> dict[str, Any]:
        return {"version": _standing(request).version}

    @service_action(title="Turn off links", permission=MANAGE, form=SwitchForm, tone="danger",
                    on_list=True, submit="Turn off", explain="Links already sent stop working for good. Past decisions "
                    "stay; revoke an approval on its page if in doubt.")  # fmt: skip
    def switch_off(self, request: HttpRequest, obj: None, form: SwitchForm) -> str:
        self._switch(request, form, is_on=False)
        return "Approve-by-email links are off. People have to sign in to decide."

    @service_action(title="Turn on links", permission=MANAGE, form=SwitchForm, tone="good",
                    on_list=True, submit="Turn on", explain="New emails contain links if the risk allows it. Anyone "
                    "who can read the mailbox can use them. Older links stay invalid.")  # fmt: skip
    def switch_on(self, request: HttpRequest, obj: None, form: SwitchForm) -> str:
        self._switch(request, form, is_on=True)
        return "Approve-by-email links are on for new emails."

    def _switch(self, request: HttpRequest, form: SwitchForm, *, is_on: bool) -> None:
        said = {"reason": form.cleaned_data["reason"], "seen_version": form.seen_version()}
        vars(request).pop(_READ, None)  # an error page shows the current setting
        set_link_policy(actor=viewer_of(request), is_on=is_on, **said)
