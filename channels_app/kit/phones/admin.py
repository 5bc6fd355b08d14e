"""What the pages of all phone numbers have: templates, and a colleague's phone."""

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest

from channels_app.kit.admin.forms import AccountForm
from channels_app.kit.admin.page import ChannelPage, calls
from channels_app.kit.phones import templates
from channels_app.kit.phones.numbers import introduce_colleague
from console.base.actions import ServiceAction, service_action
from console.base.forms import ConsoleForm
from console.viewers import viewer_of
from conversations.models import ChannelAccount


class NumberForm(AccountForm):
    number = forms.CharField(label="Number", max_length=40, help_text="With + and the country code.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_new:
            self.fields["number"].required = False
            self.fields["number"].help_text = "Leave empty to keep the current one."


class PhoneTestForm(ConsoleForm):
    to = forms.CharField(
        label="Your phone", max_length=40, help_text="It must have written to it in the last 24 hours."
    )


class ColleagueForm(ConsoleForm):
    number = forms.CharField(label="Phone number", max_length=40, help_text="With + and the country code.")
    email = forms.EmailField(label="Colleague", help_text="The email address the colleague signs in with.")


class PhonePage(ChannelPage):
    """What numbers of every vendor have."""

    test_looks: ClassVar[dict[str, Any]] = {
        "form": PhoneTestForm,
        "explain": "Sends one message from this number to your phone.",
    }

    @classmethod
    def blocked(cls, action: ServiceAction, account: ChannelAccount) -> str:
        """Return why an action does not apply now: text messages have no templates."""
        is_whatsapp = account.kind == ChannelAccount.Kind.WHATSAPP
        return "Only WhatsApp has templates." if action.path == "fetch-templates" and not is_whatsapp else ""

    @service_action(
        title="Link a colleague's phone",
        permission="accounts.manage_membership",
        form=ColleagueForm,
        submit="Link",
        explain="Anyone who writes from this phone can request what the colleague can request.",
    )
    def colleague(self: Any, request: HttpRequest, obj: ChannelAccount, form: ConsoleForm) -> str:
        introduce_colleague(actor=viewer_of(request), **form.cleaned_data)
        return "Phone linked to the colleague."

    fetch_templates = calls(
        templates.fetch_templates,
        "fetch-templates",
        title="Fetch templates",
        submit="Fetch",
        explain="Reads the templates of this account from its provider. This also happens every hour.",
        done="{} templates fetched. Choose what each is sent for under Templates.",
    )
