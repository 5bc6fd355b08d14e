"""Our error reports before receivers of Sentry's protocol."""
