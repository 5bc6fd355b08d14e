"""The channel of our own chat on a website."""

from channels_app import kit
from channels_app.kit import Door, Without
from channels_app.web_chat import files, introductions, views
from conversations import mediums
from conversations.models import ChannelAccount
from conversations.types import OutboundMessage, SendResult, Transport


class WebChatTransport(Transport):
    """Sends nothing itself: the customer's page reads the stream."""

    instant = True
    medium = mediums.WebChat

    def send(self, outbound: OutboundMessage) -> SendResult:
        """Confirm: the page has the event, or reads it when it reconnects."""
        return SendResult(ok=True, provider_id=str(outbound.message_id))


class WebChat(kit.Channel):
    """The chat on an organisation's website, whose pages read its stream."""

    kind = ChannelAccount.Kind.WEBCHAT
    provider = ChannelAccount.Provider.WIDGET
    kind_label = "Web chat"
    provider_label = "Chat widget"
    transport = WebChatTransport
    verify = Without("Its pages bring a session that Walker signed, which the socket checks: no vendor posts.")
    connect = Without("A web chat is made here: there is nothing of a vendor to enter or try out.")
    diagnosis = Without("A visitor of the page sees whether it works.")
    doors = (
        Door("widget/v1/session/", views.SessionView.as_view(), "widget_session"),
        Door("widget/v1/messages/", files.MessageView.as_view(), "widget_message"),
        Door("widget/v1/walker.js", views.script, "widget_script"),
        Door("widget/v1/files/<uuid:attachment_id>/", files.FileView.as_view(), "widget_file"),
        Door("widget/v1/form/", introductions.FormView.as_view(), "widget_form"),
        Door("widget/v1/look/<str:key>/", views.look, "widget_look"),
        Door("widget/v1/logo/<str:key>/", views.logo, "widget_logo"),
        Door("chat/<str:key>/", views.hosted_page, "hosted_chat"),
        Door("chat/<str:key>/identity/", views.hosted_identity, "hosted_chat_identity"),
    )
    sources = Without("What a page sends is received at once, on its socket.")
    codes = Without("No call goes out: an open page hears of it.")
    page = "channels_app.web_chat.settings.admin.WebChatPage"


kit.register(WebChat)
