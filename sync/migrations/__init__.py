"""Alembic: from each schema to the next, on both databases."""
