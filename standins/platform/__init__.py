"""The sandbox marketing platform: campaigns, pages, content, audiences and a journal of every effect."""
