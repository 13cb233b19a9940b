"""Make and check the shipped tables; no code that runs an evaluation imports this package.

It is loaded by `python -m kidney_evals.lab`, by `kidney-evals reference`, `validate`, `known`,
`results` and `study check`, and by the documentation.

- `reference_tables`: the human tables, with `drawn_study`, `drawn_models` and `misfit`.
- `persons`: how people's weights differ from person to person, and the scores of single persons.
- `fetch`: download of the published answers.
- `verify`: the numbers that the package states about these answers, computed again.
- `validation`: errors of simulated runs, with `respondents` and `truth`.
- `precision_table`, `sensitivity_table`, `stopping_table`, `readout_table`, `probe_table`: tables
  of `planning`.
- `survey_reference`, `study_check`: the human tables of a survey, and the check of a study.
- `results`, `results_table`: committed records of models' runs, and their tables.
- `known_table`: the table of simulated respondents, to which models are compared.
- `reason_coding`: agreement of the rules for reasons with hand-coded texts.
- `panel`, `simulate`, `table_text`: shared functions.
"""
