"""Telling approvers and requesters what happens."""
