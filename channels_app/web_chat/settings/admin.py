"""Web chats on the console's page of channels: create, edit, replace the identity secret."""

from typing import Any

from django import forms
from django.conf import settings
from django.conf.locale import LANG_INFO
from django.http import HttpRequest
from django.urls import reverse

from channels_app.kit.admin.page import ChannelPage, connects, edits, shows_secret
from channels_app.web_chat.settings import looks, manage, pre_chat
from console.base.actions import ServiceAction
from console.base.forms import ConsoleForm
from conversations.models import ChannelAccount


class SiteForm(ConsoleForm):
    name = forms.CharField(label="Name", max_length=80, help_text="Visitors see it above the chat and its replies.")
    websites = forms.CharField(
        label="Websites",
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "https://shop.example"}),
        help_text="One per line, as the browser shows it, without a path.",
    )


class NewWidgetForm(SiteForm):
    greeting = forms.CharField(label="Greeting (optional)", required=False, max_length=looks.GREETING_LIMIT)


class WidgetForm(SiteForm):
    """An existing web chat; its greetings stand with the look."""

    is_active = forms.BooleanField(label="Open for messages", required=False)


class LookForm(ConsoleForm):
    """How a web chat looks and what it offers, with a preview that follows what is entered."""

    template_name = "console/widget_look_form.html"
    width = "wk-roomy"

    theme = forms.ChoiceField(
        label="Theme",
        choices=[
            ("device", "Match the visitor's device"),
            ("site", "Match the website"),
            ("light", "Light"),
            ("dark", "Dark"),
        ],
    )
    colour = forms.CharField(
        label="Colour (optional)",
        required=False,
        max_length=7,
        widget=forms.TextInput(attrs={"placeholder": "#155e4c"}),
        help_text="For the button and the visitor's messages. Has to be readable on white; the dark theme uses a "
        "lighter shade.",
    )
    position = forms.ChoiceField(label="Position", choices=[("right", "Right"), ("left", "Left")])
    logo = forms.FileField(
        label="Logo (optional)",
        required=False,
        help_text="PNG, JPEG, GIF or WebP, up to 2 MB. It is redrawn, at most 96 pixels wide.",
    )
    removes_logo = forms.BooleanField(label="Remove the logo", required=False)
    greeting = forms.CharField(label="Greeting (optional)", required=False, max_length=looks.GREETING_LIMIT)
    greeting_de = forms.CharField(label="Greeting in German", required=False, max_length=looks.GREETING_LIMIT)
    greeting_es = forms.CharField(label="Greeting in Spanish", required=False, max_length=looks.GREETING_LIMIT)
    greeting_fr = forms.CharField(label="Greeting in French", required=False, max_length=looks.GREETING_LIMIT)
    shows_people = forms.BooleanField(label="Show first names and pictures of colleagues who answer", required=False)
    takes_files = forms.BooleanField(label="Let visitors send pictures and PDFs", required=False)


class PreChatForm(ConsoleForm):
    """What visitors say before they write; without a question there is no form."""

    asks_name = forms.BooleanField(label="Ask for their name", required=False)
    asks_email = forms.BooleanField(label="Ask for their email address", required=False)
    consent = forms.CharField(
        label="Sentence to agree to (optional)",
        required=False,
        max_length=pre_chat.CONSENT_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Visitors have to tick this before they write. The audit log says who agreed and when, with a "
        "fingerprint of the wording: keep earlier wordings yourself.",
    )
    consent_de = forms.CharField(label="In German", required=False, max_length=pre_chat.CONSENT_LIMIT)
    consent_es = forms.CharField(label="In Spanish", required=False, max_length=pre_chat.CONSENT_LIMIT)
    consent_fr = forms.CharField(label="In French", required=False, max_length=pre_chat.CONSENT_LIMIT)


class WebChatPage(ChannelPage):
    """The actions on a web chat."""

    order = 10
    noun = "a web chat"
    main = "look"
    create = connects(
        manage.save_widget,
        "new-widget",
        title="New web chat",
        form=NewWidgetForm,
        submit="Create",
        tone="primary",
        explain="Create a chat for your website. You'll see how to install it next.",
        done="Web chat created. Paste the code below into your pages.",
    )
    edit = edits(manage.save_widget, "widget", title="Edit web chat", form=WidgetForm, done="Web chat saved.")

    look = edits(
        looks.save_look,
        "look",
        title="Edit look",
        form=LookForm,
        done="Look saved. Open chats show it when they load.",
    )

    first_form = edits(
        pre_chat.save_form,
        "form",
        title="Edit pre-chat form",
        form=PreChatForm,
        explain="Visitors fill it in once, before their first message, unless your site signed them in. If you "
        "ask nothing, no form is shown.",
        done="Form saved.",
    )

    identity_secret = shows_secret(
        manage.new_identity_secret,
        "identity-secret",
        title="New identity secret",
        shown="New identity secret",
        tone="danger",
        submit="Create new secret",
        explain="Your website uses it to sign its visitors' identities. The previous secret stops working at once, "
        "and visitors signed in with it have to sign in again. "
        "If you create it, you can't approve requests from this chat.",
    )

    @classmethod
    def initial(cls, action: ServiceAction, account: ChannelAccount) -> dict[str, Any]:
        """Return the current settings."""
        kept = account.credentials or {}
        if action is cls.look:
            look = looks.read_look(kept)
            greetings = {f"greeting_{code}": text for code, text in kept.get("greetings", {}).items()}
            offers = {
                "shows_people": bool(kept.get("shows_people")),
                "takes_files": bool(kept.get("takes_files", True)),
            }
            shown = {"theme": look.theme, "colour": look.colour, "position": look.position}
            logo = reverse("widget_logo", args=[account.public_key]) if look.logo else ""
            own = {"name": account.name, "widget": account.public_key, "logo_url": logo}
            return {**shown, "greeting": kept.get("greeting", ""), **greetings, **offers, **own}
        if action is cls.first_form:
            form = pre_chat.read_form(kept)
            sentences = {f"consent_{code}": text for code, text in form.consents.items()}
            return {"asks_name": form.asks_name, "asks_email": form.asks_email, "consent": form.consent, **sentences}
        if action is not cls.edit:
            return {}
        return {"name": account.name, "websites": "\n".join(account.origins), "is_active": account.is_active}

    @classmethod
    def facts(cls, account: ChannelAccount) -> list[tuple[str, str]]:
        """Return what visitors are asked and may do."""
        kept = account.credentials or {}
        form = pre_chat.read_form(kept)
        asked = [
            *(["name"] if form.asks_name else []),
            *(["email address"] if form.asks_email else []),
            *(["consent"] if form.consent else []),
        ]
        languages = [str(LANG_INFO[code]["name"]) for code in kept.get("greetings", {}) if code in LANG_INFO]
        return [
            ("Asked before the chat", ", ".join(asked).capitalize() or "Nothing"),
            ("Pictures and PDFs", "Visitors can send them" if kept.get("takes_files", True) else "Not taken"),
            ("Colleagues who answer", "Shown by first name" if kept.get("shows_people") else "Not named"),
            *([("Greetings of their own", ", ".join(languages))] if languages else []),
        ]

    @classmethod
    def context(cls, request: HttpRequest, account: ChannelAccount) -> dict[str, Any]:  # noqa: ARG003
        """Return what to install, and what the preview shows."""
        now = cls.initial(cls.look, account)
        shown = {name: now[name] for name in ("theme", "colour", "position", "greeting")}
        offers = {name: "on" if now[name] else "" for name in ("takes_files", "shows_people")}
        return {
            "widget_key": account.public_key,
            "public_url": settings.PUBLIC_URL,
            "websites": account.origins,
            "preview": {**shown, **offers, "logo": now["logo_url"]},
        }
