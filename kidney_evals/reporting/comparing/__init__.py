"""The comparison engine: runs in pairs over shared dilemmas, changes, rules for a gate.

`changes.Pairing(before, after).row("agreement")` is the change of a measure between two `Run`s.
"""
