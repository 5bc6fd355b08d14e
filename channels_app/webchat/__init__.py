"""Web chat: visitor session, chat socket, hosted page and the embeddable component's door."""
