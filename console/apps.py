"""App configurations of the console and of Django's admin with our site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AppConfig):
    """The console app."""

    name = "console"
    verbose_name = "Console"


class WalkerAdminConfig(AdminConfig):
    """Django's admin, with our site as the default one."""

    default_site = "console.site.WalkerAdminSite"
