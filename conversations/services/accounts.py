"""What other apps do with channel accounts and their templates."""

from conversations.channel_accounts.accounts import (
    clear_trouble,
    connect_channel,
    lookup_digest,
    note_tested,
    note_trouble,
    pause_channel,
    provider_digest,
)
from conversations.channel_accounts.app_accounts import keep_token_secret, note_keeper, save_app
from conversations.channel_accounts.templates import (
    LANGUAGE,
    NO_TEMPLATE,
    TOO_FEW,
    USE,
    FoundTemplate,
    change_template,
    find_template,
    has_template,
    note_refused,
    store_templates,
    use_template,
)
from conversations.channel_accounts.widgets import keep_form, keep_identity_secret, keep_look, save_widget
