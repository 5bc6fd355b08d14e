"""The console's actions by which people link their own WhatsApp number."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.notices import USE
from channels_app.approver_channels.whatsapp import numbers
from console.base.actions import action_url, service_action
from console.base.forms import ConsoleForm
from console.base.model_admin import ServiceAdmin
from console.viewers import viewer_of


class NumberForm(ConsoleForm):
    """One's own number."""

    number = forms.CharField(
        label="WhatsApp number",
        max_length=40,
        help_text="With + and the country code.",
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )


class NumberCodeForm(ConsoleForm):
    """The code from the WhatsApp message."""

    code = forms.CharField(
        label="Code",
        max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class NumberActions(ServiceAdmin):
    """The actions on the viewer's own WhatsApp number."""

    @service_action(
        path="own-number",
        title="Link my WhatsApp number",
        permission=USE,
        form=NumberForm,
        submit="Send code",
        tone="primary",
        on_list=True,
        explain="Walker sends a code to this number by WhatsApp. Requests that need you are then sent there, with a "
        "link to decide them where an email would have one.",
    )
    def own_number(self, request: HttpRequest, obj: None, form: ConsoleForm) -> HttpResponse:
        """Send the code and ask for it."""
        said = numbers.send_code(actor=viewer_of(request), **form.cleaned_data)
        messages.success(request, said)
        return HttpResponseRedirect(action_url(self, self.service_actions["number-code"], None))

    @service_action(
        path="number-code",
        title="Enter the WhatsApp code",
        permission=USE,
        form=NumberCodeForm,
        submit="Link",
        on_list=True,
        explain="The code is in the WhatsApp message from your organisation. It is valid for ten minutes.",
    )
    def number_code(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Link the number that got the code."""
        numbers.link(actor=viewer_of(request), **form.cleaned_data)
        return "Your WhatsApp number is linked. Requests that need you are sent there."

    @service_action(
        path="number-unlink",
        title="Unlink my WhatsApp number",
        permission=USE,
        on_list=True,
        explain="Nothing more is sent to it. You get emails instead.",
    )
    def number_unlink(self, request: HttpRequest, obj: None, form: ConsoleForm) -> str:
        """Unlink the viewer's number."""
        numbers.unlink(actor=viewer_of(request))
        return "Your WhatsApp number is unlinked."
