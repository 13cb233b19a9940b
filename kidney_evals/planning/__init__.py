"""Cost and expected precision of a run, before any model call.

`plan` counts the samples of the real tasks, `tokens` measures their prompts, `prices` reads what
the user says a token costs, `precision` says how wide the intervals will be, `change` which
difference between two models is found, `report` prints it. `kidney_evals.lab` makes the tables
that these read; no plan runs it.
"""
