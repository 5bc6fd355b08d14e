"""The console's pages of integrations."""

from integrations.admin import (
    audit_destinations,
    connections,
    mail,
    provider_calls,
    webhook_deliveries,
    webhook_endpoints,
)
