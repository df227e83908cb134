"""Knows: what a form, an answer, an indicator means. Pure: bytes and text in, values out."""
