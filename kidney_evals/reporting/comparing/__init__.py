"""Compare two versions of a model: pair runs over shared dilemmas, test changes, apply rules.

`changes.Pairing(before, after).row("agreement")` is the change of a measure between two `Run`s.
"""
