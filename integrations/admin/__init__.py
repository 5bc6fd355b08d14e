"""The console's pages of integrations."""

from integrations.admin import mail, webhook_deliveries, webhook_endpoints
