"""Errors of ours, sent by Sentry's protocol where `SENTRY_DSN` names a receiver, and counted in any case."""
