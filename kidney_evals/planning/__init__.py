"""Cost and expected precision of a run, before any model call.

`plan` counts the samples of the actual tasks, `tokens` estimates the tokens of their prompts,
`precision` returns expected interval widths and the detectable difference between two models, and
`report` formats the plan. The tables behind `precision` are made by `kidney_evals.lab`, which a
plan does not import.
"""
