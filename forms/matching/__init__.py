"""Which two entities of a list may be one: a Fellegi–Sunter model, pure and told by data."""
