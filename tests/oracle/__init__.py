"""An independent oracle: a population with its own truth, and every figure computed from it."""
