"""A number with a template that is sent for outcomes and colleagues' texts."""

from conversations.channel_accounts.templates import FoundTemplate, store_templates, use_template
from conversations.models import ChannelAccount, MessageTemplate
from tests.world import OPERATOR


def choose_template(account: ChannelAccount, state: str = "approved", use: str = "outcome") -> MessageTemplate:
    """Keep an approved template with one variable, choose it for a use, and let its provider change its state."""
    body = "News about your request: {{1}}"
    store_templates(account_id=account.pk, found=[FoundTemplate("update", "en", "HX1", "approved", body=body)])
    made: MessageTemplate = MessageTemplate.objects.get(channel_account=account, name="update")
    use_template(actor=OPERATOR, template_id=made.pk, use=use)
    if state != "approved":
        store_templates(account_id=account.pk, found=[FoundTemplate("update", "en", "HX1", state, body=body)])
    return made
