"""Erasure and health of approvals."""
