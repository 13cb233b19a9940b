"""Programs that make and check the shipped tables; nothing imports this package at run time.

Only `kidney-evals reference` and `kidney-evals validate` load it, when they are called.
"""
