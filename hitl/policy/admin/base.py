"""Base classes of the pages that define policies."""

from typing import Any, Final

from django.http import HttpRequest

from console.base.lists import Column
from console.base.model_admin import ServiceAdmin
from console.names import name_in, names_of
from console.templatetags.console_ui import moment

MANAGE: Final = "hitl.manage_workflow"
VIEW: Final = "hitl.view_approvalworkflow"


class DefinitionAdmin(ServiceAdmin):
    """A page of definitions, with the permissions of workflows."""

    view_permission = VIEW
    to_list = ("delete",)


class VersionAdmin(DefinitionAdmin):
    """A page of the versions of one definition, newest first. Versions never change."""

    ordering = ("-version",)

    def prepare_rows(self, request: HttpRequest, rows: list[Any]) -> None:
        names = names_of(row.made_by_id for row in rows)
        for row in rows:
            row.author = name_in(names, row.made_by_id, otherwise="The system")

    by = Column[Any]("By", lambda row: str(row.author))
    since = Column[Any]("Since", lambda row: moment(row.created_at))
