"""Make and check the shipped tables; no code that runs an evaluation imports this package.

`python -m kidney_evals.lab` loads it, and `kidney-evals reference`, `validate` and `known` do.

- `reference_tables`: the human tables, with `drawn_study`, `drawn_models` and `misfit`.
- `persons`: how single persons differ, and what they score.
- `fetch`: download of the published answers. `verify`: the stated figures computed again.
- `validation`: errors of simulated runs, with `respondents` and `truth`.
- `precision_table`, `sensitivity_table`, `stopping_table`, `readout_table`, `probe_table`: tables
  of `planning`.
- `survey_reference`, `study_check`: the human tables of a survey, and the check of a study.
- `results`, `results_table`, `known_table`: models' records, and tables beside known respondents.
- `reason_coding`: agreement of the rules for reasons with hand-coded texts.
- `panel`, `simulate`, `table_text`: shared functions.
"""
