"""Put dilemmas to a model and read its answers.

Public modules; importing this package loads none of them:

- `form`: the labels, the language and the way out in which an answer is asked for.
- `wording`, `rules`: ways of putting a dilemma, from `wordings.yaml`, and the rules they keep.
- `prompt`, `channels`: the text of a question; the JSON schema or tool by which it is answered.
- `stated_questions`, `predict`: the questions about the model's own values and about people.
- `solvers`: the Inspect solvers `forced_choice`, `coin_flip`, `stated_values`, `predict_people`.
- `reading`: reads a response. `transcripts`: reads a sample's responses again from its log.
- `readout`: the probabilities of all answers from the log-probabilities of one call.

    >>> from kidney_evals.elicitation.wording import wording_named
    >>> wording_named("german").form.answer
    'ANTWORT: '
    >>> from kidney_evals.elicitation.reading import read_answer
    >>> read_answer("Meine Wahl ist Patient B.", condition="coin_flip", form=wording_named(
    ...     "german").form).answer
    'B'
"""
