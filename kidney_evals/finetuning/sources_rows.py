"""The published rows of McElfresh et al. (2021), Study 2: what single people answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kidney_evals.errors import UserError
from kidney_evals.finetuning.export_overlap import Evaluated
from kidney_evals.finetuning.sources import CHOICES, Asked, Choice, Dilemmas, Source, Wanted
from kidney_evals.finetuning.sources_given import given, shuffled_asked
from kidney_evals.studies import Condition, Dilemma, Patient, Study

FILES: dict[Condition, str] = {
    "forced_choice": "study_2_strict.csv",
    "coin_flip": "study_2_indecisive.csv",
}


def from_rows(
    folder: Path,
    study: Study,
    conditions: tuple[Condition, ...],
    evaluation: Evaluated,
    wanted: Wanted,
) -> Source:
    """Take people's own answers, split by person and by dilemma.

    The two groups are different people who saw the same queries, person by person. Both people of
    such a pair stay on one side, and of a query one group's answer is used.

    Args:
        folder: Holds the published files, or a folder with them.
        study: The study of these people.
        conditions: The conditions, in the order in which samples take turns.
        evaluation: Dilemmas whose answers are left out.
        wanted: How many, and how they are chosen.

    Raises:
        UserError: The files are not there or not the published ones, the study is another, or
            there are too few answers.
    """
    from kidney_evals.human.raw import FOLDER, SHA256, find_raw, read_study_2

    if study.source != FOLDER:
        raise UserError(
            f"the published rows are those of {FOLDER}: use --study {FOLDER}, not {study.source}"
        )
    forced, coin = read_study_2(find_raw(folder))
    left, right = (
        list(zip(*(values[name].tolist() for name in study.attribute_ids), strict=True))
        for values in (forced.left, forced.right)
    )
    queries: list[Asked] = []
    for at, (first, second) in enumerate(zip(left, right, strict=True)):
        choices: dict[Condition, Choice] = {
            "forced_choice": CHOICES[forced.choice[at]],
            "coin_flip": CHOICES[coin.choice[at]],
        }
        shown = Dilemma("", Patient(first), Patient(second), "drawn")
        queries.append(Asked(shown, choices, person=f"{forced.person[at]:03d}"))
    apart = [one for one in queries if one.dilemma.first != one.dilemma.second]
    kept = [one for one in apart if wanted.allow_overlap or not evaluation.holds(one.dilemma)]
    left_out = {"identical": len(queries) - len(apart), "evaluation": len(apart) - len(kept)}
    # Mixed before dilemmas get ids: these must not say where in the files a row stands.
    mixed = _listed(shuffled_asked(kept, wanted.seed))
    about: dict[str, Any] = {
        "kind": "rows",
        "target": None,
        "files": {FILES[condition]: SHA256[FILES[condition]] for condition in conditions},
        "groups": len(conditions),
    }
    return given(
        mixed,
        study,
        conditions,
        wanted=wanted,
        about=about,
        left_out=left_out,
        number=lambda place, condition: 2 * place + (condition == "coin_flip") + 1,
    )


def _listed(queries: list[Asked]) -> list[Asked]:
    """List every pair of patients one way, whichever of them stood on the left."""
    dilemmas = Dilemmas()
    listed = []
    for one in queries:
        patients = one.dilemma.first.values, one.dilemma.second.values
        choices: dict[Condition, Choice] = {}
        dilemma = one.dilemma
        for condition, choice in one.choices.items():
            dilemma, choices[condition] = dilemmas.listed(*patients, choice)
        listed.append(Asked(dilemma, choices, one.person))
    return listed
