"""The console's pages of integrations."""

from integrations.admin import connections, mail, webhook_deliveries, webhook_endpoints
