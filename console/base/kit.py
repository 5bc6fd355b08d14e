"""The only module that imports the UI kit, so that the rest of the console stays typed."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite as KitSite
    from django.contrib.admin import ModelAdmin
    from django.contrib.admin.views.main import ChangeList
    from django.core.paginator import Paginator

    class KitModelAdmin(ModelAdmin[Any]):
        """The kit's model admin as the type checker sees it."""

    class KitChangeList(ChangeList):
        """The kit's list as the type checker sees it."""

        model_admin: Any
        filter_specs: list[Any]

    class KitPaginator(Paginator[Any]):
        """Django's paginator as the type checker sees it."""
else:
    from django.core.paginator import Paginator as KitPaginator
    from unfold.admin import ModelAdmin as KitModelAdmin
    from unfold.sites import UnfoldAdminSite as KitSite
    from unfold.views import ChangeList as KitChangeList

__all__ = ["KitChangeList", "KitModelAdmin", "KitPaginator", "KitSite"]
