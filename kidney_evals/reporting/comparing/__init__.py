"""Old runs beside new ones, and models beside each other: pairs, changes, rules for a gate."""
