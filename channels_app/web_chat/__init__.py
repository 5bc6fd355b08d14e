"""Web chat: visitor sessions, the chat socket, the hosted page and the embeddable component."""
