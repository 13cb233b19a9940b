"""Make the tables of both McElfresh studies from the published answers, byte for byte."""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from kidney_evals.human.raw import COMMIT, SHA256, Answers, find_raw, read_study_1, read_study_2
from kidney_evals.human.reference import REFERENCE_FOLDER
from kidney_evals.human.sources import DRAWS
from kidney_evals.human.tables import Floats
from kidney_evals.lab.drawn_models import person_weights
from kidney_evals.lab.drawn_study import drawn_tables, table_texts
from kidney_evals.lab.persons import fit_spreads, spread_table
from kidney_evals.lab.table_text import DRAW_DIGITS, table_text
from kidney_evals.output_files import write_outputs
from kidney_evals.studies import CHOICES, CONDITIONS, Condition, Study, load_study

DRAWN, FIXED = "mcelfresh_2021", "mcelfresh_2021_fixed"

REFERENCE_VERSIONS = {DRAWN: "3", FIXED: "2"}
"""Version of each study's tables, raised when a shipped number that can affect a score changes."""

_SEEDS: dict[Condition, int] = {"forced_choice": 20212, "coin_flip": 20213}


def build_reference(data_dir: Path, out_dir: Path, *, overwrite: bool = False) -> list[Path]:
    """Write the tables of both studies into `out_dir/<study>/reference`; return the files.

    `data_dir` holds the published files. `overwrite` also replaces files that are not tables of
    this package.

    Raises:
        UserError: The published files are missing or differ, or a table cannot be written.
    """
    raw = find_raw(data_dir)
    contents = {}
    for name, files in ((FIXED, fixed_reference(raw)), (DRAWN, drawn_reference(raw))):
        for file, text in files.items():
            contents[str(out_dir / name / REFERENCE_FOLDER / file)] = text.encode("utf-8")
    write_outputs(contents, overwrite=overwrite, inputs=[raw / name for name in SHA256])
    return sorted(map(Path, contents))


def fixed_reference(raw: Path) -> dict[str, str]:
    """Return the text of the tables of `mcelfresh_2021_fixed`, by file name.

    `raw` is the folder of the published files.
    """
    study, groups = load_study(FIXED), zip(CONDITIONS, read_study_1(raw), strict=True)
    tables = counted_tables(study, {name: answer_table(study, one) for name, one in groups})
    about = _about(FIXED, "study_1.csv")
    return about | draw_texts(tables.pop("draws")) | table_texts(tables)


def drawn_reference(raw: Path) -> dict[str, str]:
    """Return the text of the tables of `mcelfresh_2021`, by file name.

    `raw` is the folder of the published files.
    """
    about = _about(DRAWN, "study_2_indecisive.csv", "study_2_strict.csv")
    people = dict(zip(CONDITIONS, read_study_2(raw), strict=True))
    return about | drawn_tables(load_study(DRAWN), people)


def _about(study: str, *sources: str) -> dict[str, str]:
    about = {
        "version": REFERENCE_VERSIONS[study],
        "aggregate": "every number sums over people; no row belongs to a person",
        "repository": "https://github.com/duncanmcelfresh/indecision-modeling",
        "commit": COMMIT,
        "source_licence": "GPL-2.0",
        "source_sha256": {name: SHA256[name] for name in sources},
        "bootstrap_draws": DRAWS,
    }
    return {"reference.json": json.dumps(about, indent=2) + "\n"}


def answer_table(study: Study, answers: Answers) -> Floats:
    """Return the answers as indicators, shape (people, questions, 3), questions in listed order."""
    table = np.zeros((answers.people, len(study.listed), 3))
    for q, dilemma in enumerate(study.listed):
        asked = answers.position == int(dilemma.id.removeprefix("q"))
        table[answers.person[asked], q, answers.choice[asked]] = 1.0
    return table


def draw_texts(draws: Mapping[Condition, pd.DataFrame]) -> dict[str, str]:
    """Return the text of tables of draws, by file name.

    Args:
        draws: The table of each condition.
    """
    return {f"draws_{name}.csv": table_text(one, DRAW_DIGITS) for name, one in draws.items()}


def counted_tables(
    study: Study, answers: Mapping[Condition, Floats], seed: int | None = None
) -> dict[str, dict[Condition, pd.DataFrame]]:
    """Return the tables of a fixed list, by name and condition.

    They are `counts`, `draws` and, if fitted, `random_coefficients`.

    Args:
        study: The study.
        answers: By condition, indicators of shape (people, questions, 3), with zeros where a person
            was not asked.
        seed: Seed of `person_weights`; None for published answers.
    """
    tables: dict[str, dict[Condition, pd.DataFrame]] = defaultdict(dict)
    ids = [dilemma.id for dilemma in study.listed]
    gaps = np.array([study.differences(dilemma) for dilemma in study.listed])
    for condition, every in answers.items():
        options = CHOICES if condition == "coin_flip" else CHOICES[:2]
        table = every[:, :, : len(options)]
        listed = pd.DataFrame(table.sum(axis=0).astype(int), columns=options)
        listed.insert(0, "dilemma", ids)
        tables["counts"][condition] = listed.reindex(columns=["dilemma", *CHOICES], fill_value="")
        people = person_weights(len(table), seed, _SEEDS[condition])
        draws = np.einsum("dp,pqc->dqc", people, table).reshape(len(people), -1)
        names = [f"{id}.{name}" for id in ids for name in options]
        tables["draws"][condition] = pd.DataFrame(draws, columns=names)
        person, question = np.nonzero(table.any(axis=2))
        choice = table[person, question].argmax(axis=1)
        published = seed is None
        if fits := fit_spreads(condition, gaps[question], choice, person, published=published):
            tables["random_coefficients"][condition] = spread_table(study.attribute_ids, fits)
    return tables
