"""The half-year's report: gathered, confirmed step by step, frozen, and what came after that."""
