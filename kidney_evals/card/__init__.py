"""What a run of choices shows: five questions, each with a verdict and the numbers behind it.

```python
from kidney_evals.card import card_of, terminal_text

card = card_of(run)                      # run: kidney_evals.measures.run.Run
card.finding("often").verdict            # such as 'like the crowd' or 'cannot tell'
print(terminal_text(card))               # 80 columns
card.to_dict()                           # for JSON
```
"""

from kidney_evals.card.card import Card, Difference, Share, card_of, people_in_words
from kidney_evals.card.findings import LIKE, PERSON, UNKNOWN, UNLIKE, Finding, Part, findings_of
from kidney_evals.card.probe import ProbeFinding, ProbePart, probe_text
from kidney_evals.card.text import ALONE, markdown_text, terminal_text

__all__ = [
    "ALONE",
    "LIKE",
    "PERSON",
    "UNKNOWN",
    "UNLIKE",
    "Card",
    "Difference",
    "Finding",
    "Part",
    "ProbeFinding",
    "ProbePart",
    "Share",
    "card_of",
    "findings_of",
    "markdown_text",
    "people_in_words",
    "probe_text",
    "terminal_text",
]
