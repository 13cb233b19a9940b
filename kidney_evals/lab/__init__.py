"""Programs that make and check the shipped tables; nothing imports this package at run time.

Only `kidney-evals reference`, `kidney-evals validate` and `python -m kidney_evals.lab` load it.

- `reference_tables`: the human tables, `build_reference(Path("data"), Path("out"))`; from
  `fixed_study` and `drawn_study`, which use `drawn_models` and `anchors`.
- `fetch`: the published answers, `fetch_raw(Path("data"))`.
- `verify`: the stated figures computed again, `verify_tables(Path("data"))`.
- `validation`: errors of simulated runs, `report(runs=20, quick=True)`; from `respondents`, `truth`
  and `graded`.
- `precision_table`, `sensitivity_table`, `stopping_table`, `readout_table`: the tables of
  `planning`, each by `records()`.
- `reason_coding`: agreement of the rules for reasons with hand-coded texts, `measured()`.
- `panel`, `simulate`, `resampling`, `table_text`: what these share. `simulate_run(load_reference(
  load_study("mcelfresh_2021"), "coin_flip"), RESPONDENTS[0], 0)` simulates one run.
"""
