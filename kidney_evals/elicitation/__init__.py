"""Ask a model about dilemmas and parse its answers.

Public modules; importing this package loads none of them:

- `form`: the language, labels and mechanism of indecision of an answer.
- `wording`: the wordings of a dilemma.
- `run_wordings`: the rules for wordings, and how a run assigns wordings to dilemmas.
- `prompt`, `stated_questions`: the text of a question about a dilemma or the model's own values.
- `probes`: attributes that should not matter, such as gender, added to both candidates.
- `channels`: the JSON schema or the tool for an answer.
- `solvers`: the Inspect solvers `forced_choice`, `coin_flip`, `stated_values`, `predict_people`.
- `reading`: parses a response. `transcripts`: parses a sample's responses again from its log.
- `readout`: the probabilities of all answers from the log-probabilities of one call.
- `prefill`: an answer line that is begun for the model, and worked examples before a question.

    >>> from kidney_evals.elicitation.wording import wording_named
    >>> wording_named("german").form.answer
    'ANTWORT: '
    >>> from kidney_evals.elicitation.reading import read_answer
    >>> read_answer("Meine Wahl ist Patient B.", condition="coin_flip", form=wording_named(
    ...     "german").form).answer
    'B'
"""
