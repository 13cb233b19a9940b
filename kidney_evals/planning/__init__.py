"""Cost and expected precision of a run, before any model call.

`plan` counts the samples of the actual tasks, `tokens` estimates the tokens of their prompts,
`prices` reads the user's token prices, `precision` returns expected interval widths, `change`
the detectable difference between two models, and `report` formats the plan. The tables behind
`precision` and `change` are made by `kidney_evals.lab`, which a plan does not import.
"""
