"""Meta's Graph API for WhatsApp: messages, read marks, files and templates."""
