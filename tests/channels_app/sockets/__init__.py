"""Tests of the console's socket and what sockets share."""
