"""What needs contacts and outside systems together: payments that customers confirm, and contacts in a CRM."""
