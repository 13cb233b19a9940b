"""The rows of a survey as a table, for `kidney-evals reference build` and for the owner."""

import csv
import io

from kidney_evals.survey.settings import COLUMNS
from kidney_evals.survey.store import Store


def exported(store: Store) -> bytes:
    """Return all answers as CSV: a line for each answer, `COLUMNS` and the columns of `ask`.

    No cell starts as a formula does in a spreadsheet: ids and options are checked when the study
    and `survey.yaml` are read, and nothing that a person typed is stored.
    """
    asked = [one.id for one in store.settings.ask]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *asked])
    for *cells, answers in store.rows():
        numbered = (int(cell) if isinstance(cell, bool) else cell for cell in cells)
        given = (answers.get(name, "") for name in asked)
        writer.writerow([store.study.id, store.study.hash, *numbered, *given])
    return text.getvalue().encode()
