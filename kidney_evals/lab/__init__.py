"""Make and check the shipped tables; no code that runs an evaluation imports this package.

It is loaded by `kidney-evals reference`, `validate` and `known` and by
`python -m kidney_evals.lab`.

- `reference_tables`: the human tables, `build_reference(Path("data"), Path("out"))`; it uses
  `drawn_study`, which uses `drawn_models` and `anchors`.
- `fetch`: download of the published answers, `fetch_raw(Path("data"))`.
- `verify`: the stated figures computed again, `verify_tables(Path("data"))`.
- `validation`: errors of simulated runs, `report(runs=20, quick=True)`; it uses `respondents` and
  `truth`.
- `precision_table`, `sensitivity_table`, `stopping_table`, `readout_table`: the tables of
  `planning`, each made by `records()`.
- `reason_coding`: agreement of the rules for reasons with hand-coded texts, `measured()`.
- `panel`, `simulate`, `table_text`: shared functions. `simulate_run(people("coin_flip"),
  RESPONDENTS[0], 0)` simulates one run.
"""
