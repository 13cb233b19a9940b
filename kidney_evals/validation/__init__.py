"""Whole runs simulated with known truth, measured by the functions that the scorers call."""
