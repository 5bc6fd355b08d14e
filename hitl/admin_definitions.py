"""What the pages of all definitions share: workflows are made of them."""

from typing import Any, Final

from django.http import HttpRequest

from console.actions import ServiceAction
from console.bases import ServiceAdmin

MANAGE: Final = "hitl.manage_workflow"
VIEW: Final = "hitl.view_approvalworkflow"


class DefinitionAdmin(ServiceAdmin):
    """A page of definitions: those who may see workflows see it, those who may change them change it."""

    view_permission = VIEW

    def after_action_url(self, request: HttpRequest, action: ServiceAction, obj: Any) -> str:
        """Go to the list after a deletion: the page is gone."""
        return self.list_url() if action.path == "delete" else super().after_action_url(request, action, obj)
