"""App configurations of the console and of Django's admin with our site."""

from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core import checks
from django.urls import get_resolver


class ConsoleConfig(AppConfig):
    """The console app."""

    name = "console"
    verbose_name = "Console"


class WalkerAdminConfig(SimpleAdminConfig):
    """Django's admin with our site; its pages are found with the routes (config.urls): beat never needs them."""

    default_site = "console.site.WalkerAdminSite"

    def ready(self) -> None:
        """Register Django's checks of the admin, with the pages found first."""
        checks.register(check_dependencies, checks.Tags.admin)
        checks.register(_check_pages, checks.Tags.admin)


def _check_pages(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    _ = get_resolver().url_patterns  # loads the routes
    return list(check_admin_app(app_configs))
