"""The sandbox marketing platform: campaigns, pages, content, audiences, a journal."""
