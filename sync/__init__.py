"""Keeps: what was sent, what is true now, what a phone may have. The only room with SQL and blobs."""
