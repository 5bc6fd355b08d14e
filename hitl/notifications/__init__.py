"""Notifications of approvers and requesters."""
