"""Speaks: who is asking, and how it is run. HTTP, queue, clock, processes."""
