"""Tests of requests, from the request to the decision."""
