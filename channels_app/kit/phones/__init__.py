"""What channels of phone numbers share: opt-outs, templates, another way for what was not delivered."""
