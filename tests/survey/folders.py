"""Study folders with a `survey.yaml`, and people who answer."""

import shutil
from collections.abc import Callable
from pathlib import Path

from kidney_evals.studies import Choice, Study, datasets_dir, load_study
from kidney_evals.survey.interview import Item
from kidney_evals.survey.store import Participant, Store

DRAWN, FIXED = "mcelfresh_2021", "mcelfresh_2021_fixed"

ASK = """\
ask:
  - id: age_group
    label: How old are you?
    options: [18 to 39, 40 or older]
"""


def study_with(folder: Path, text: str, study: str = FIXED) -> Study:
    """Return a copy of a shipped study, in `folder`, with a `survey.yaml` of this text."""
    place = folder / study
    shutil.copytree(datasets_dir() / study, place, dirs_exist_ok=True)
    (place / "survey.yaml").write_text(text, encoding="utf-8")
    return load_study(place)


def answer_all(
    store: Store, answer: Callable[[Item], Choice], condition: str = "coin_flip"
) -> Participant:
    """Add a person who answers everything and finishes."""
    person = store.begin(store.settings.languages[0], condition)  # type: ignore[arg-type]
    for item in store.plan(person):
        store.record(person, item.position, answer(item))
    store.finish(person)
    return person
