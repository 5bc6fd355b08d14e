"""Mirrors of ad campaigns: read from each connection again and again, so that pages need no outside call."""
