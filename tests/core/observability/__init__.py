"""Logs, gauges and health."""
