"""What several test files of the reader use: the labelled outputs, a dilemma, a stated question."""

import json
from pathlib import Path
from typing import Any

import yaml

from kidney_evals.elicitation.reading import stated_question
from kidney_evals.elicitation.stated_questions import stated_metadata, stated_wording
from kidney_evals.studies import dilemmas_of, load_study

DATA = Path(__file__).parents[1] / "data"
OUTPUTS: list[dict[str, Any]] = [
    json.loads(line) for line in (DATA / "outputs.jsonl").read_text("utf-8").splitlines()
]
STUDY = load_study("mcelfresh_2021")
DILEMMA = dilemmas_of(STUDY, 1, None)[0]


def told(name: str) -> Any:
    """Return the content of a YAML file in `tests/data`: texts and their expected readings."""
    return yaml.safe_load((DATA / f"{name}.yaml").read_text("utf-8"))


def asked(wording: str, study: str = "mcelfresh_2021") -> Any:
    """Return the question about values with the id `wording`, as the reader needs it."""
    loaded = load_study(study)
    return stated_question(stated_metadata(stated_wording(wording), loaded), loaded)
