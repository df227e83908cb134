"""Keeps: what was sent, what is true now, what a phone may have. Only here are SQL and blobs."""
