"""Numbers, mailboxes, widgets and apps of an organisation, and their templates."""
