"""Read a model's answer.

The reader never guesses: an answer that is not stated, or that is stated and retracted, is
unreadable. A reading depends only on the text, the stop reason, the provider's own refusal signals,
the condition and the form of the answer, and it takes time linear in the text. The attribute `how`
of a reading is the text that was read, or the reason why nothing was read.

    >>> read_answer("I would give the kidney to Patient B.", condition="forced_choice").answer
    'B'
    >>> read_answer("ANSWER: A or B", condition="forced_choice").outcome
    'unreadable'
    >>> read_prediction("ANSWER: A=70 B=30", condition="forced_choice").shares
    (0.7, 0.3)
"""

from kidney_evals.elicitation.reading.answers import Answer, Outcome, Reading, read_answer
from kidney_evals.elicitation.reading.hidden import split_hidden, without_delimiters
from kidney_evals.elicitation.reading.messages import read_message, read_output, tell_objects
from kidney_evals.elicitation.reading.predictions import Prediction, read_prediction
from kidney_evals.elicitation.reading.stated import (
    StatedReading,
    read_stated,
    signed_ratings,
    stated_question,
)

__all__ = [
    "Answer",
    "Outcome",
    "Prediction",
    "Reading",
    "StatedReading",
    "read_answer",
    "read_message",
    "read_output",
    "read_prediction",
    "read_stated",
    "signed_ratings",
    "split_hidden",
    "stated_question",
    "tell_objects",
    "without_delimiters",
]
