"""Make a study's reference tables from the answers of a survey (`kidney-evals survey export`)."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field

from kidney_evals.errors import UserError
from kidney_evals.estimation.errors import FitError, InputError
from kidney_evals.human.raw import COIN, Answers
from kidney_evals.human.reference import REFERENCE_FOLDER, Reference, load_reference
from kidney_evals.human.sources import DRAWS
from kidney_evals.human.tables import Floats
from kidney_evals.input_files import FileModel, Line, TableFile, Whole, read_bytes, shown
from kidney_evals.lab.drawn_models import group, logit_model
from kidney_evals.lab.drawn_study import covariances, estimates, scored_tables, table_texts
from kidney_evals.lab.persons import person_table
from kidney_evals.lab.reference_tables import counted_tables, draw_texts
from kidney_evals.lab.table_text import by_condition, table_text
from kidney_evals.output_files import write_outputs
from kidney_evals.respondents.people import answers_of_persons
from kidney_evals.studies import (
    CHOICES,
    CONDITIONS,
    Choice,
    Condition,
    Dilemma,
    Order,
    Study,
    load_study,
    study_names,
)
from kidney_evals.survey.settings import COLUMNS, attention_checks, pool
from kidney_evals.templates import templates

FEWEST_PEOPLE: Final = 30  # fewest people of a condition for whom tables are made

FEWEST: Final = 5
"""Smallest number of people or answers that a table or the card shows.

It applies to people in a cell of the card, people between two quantiles of a table, answers to a
dilemma of a fixed list, and changed answers behind a rescaled swap disagreement.
"""

_CELL: Final = 20  # fewest answers in a bin of the flip curve and the calibration
_MAX_BYTES: Final = 100_000_000
_PERSON_RUNS: Final = 1  # number of default runs of each simulated person


@dataclass(frozen=True)
class Group:
    """The people of a condition who are not left out by a rule, and their answers."""

    condition: Condition
    begun: int
    left_out: Mapping[str, int]  # number of people by rule
    people: int
    rows: pd.DataFrame  # the first answer to every dilemma, without controls
    asked_again: int  # number of repeats
    changed: int  # number of repeats answered differently
    retest: tuple[float, float, float]  # their share, with its 95 % interval over people


def build_from_survey(path: Path, study: Study, *, overwrite: bool = False) -> list[Path]:
    """Write the reference tables of a study from an exported survey; return the files.

    The tables are aggregates: no row belongs to a person. The card in the folder says which people
    are left out.

    Args:
        path: The exported survey.
        study: A study in a folder of the user.
        overwrite: Whether existing tables are replaced.

    Raises:
        UserError: The study is shipped; the file is no export of a survey of this study or lies in
            the folder of tables; there are too few people or answers, or they do not determine a
            model; or a file exists and `overwrite` is false.
    """
    if study.source in study_names():
        raise UserError(f"study {study.id!r} is shipped; name the folder of your own study")
    folder = study.path / REFERENCE_FOLDER
    if path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{path} lies in {folder}, which holds aggregates only: move it elsewhere")
    if not overwrite and (there := sorted(one.name for one in folder.glob("*"))):
        raise UserError(f"{folder} holds {', '.join(there)}: pass --overwrite to replace them")
    rows, content = _read(path, study)
    asked = [name for name in CONDITIONS if (rows["condition"] == name).any()]
    groups = {name: _group(rows, name, study) for name in asked}
    _check(groups, study)
    try:
        # Who knows the bootstrap samples can compute every person's answers from the draws, so that
        # nobody can compute their seed without the answers.
        secret = hashlib.sha256(b"bootstrap samples\0" + content).digest()
        texts = _tables(study, groups, int.from_bytes(secret))
    except (FitError, InputError, np.linalg.LinAlgError) as error:
        raise UserError(
            f"the answers in {path} do not determine the models of people's choices ({error}); ask "
            "more people, or more dilemmas of each"
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    about = {
        "version": f"survey-{digest[:8]}",
        "aggregate": "every number sums over people; no row belongs to a person",
        "people": {name: one.people for name, one in groups.items()},
        "bootstrap_draws": DRAWS,
    }
    texts["reference.json"] = json.dumps(about, indent=2) + "\n"
    persons, ratios = {}, {}
    with _loaded(study, texts) as loaded:
        for name, one in groups.items():
            persons[name], ratios[name] = _persons(load_reference(loaded, name), one)
    texts["persons.csv"] = table_text(by_condition(persons), 4)
    texts["README.md"] = _card(study, rows, groups, ratios, texts)
    contents = {str(folder / name): text.encode("utf-8") for name, text in texts.items()}
    write_outputs(contents, overwrite=True, inputs=[path])
    for stale in folder.glob("*.csv"):
        if stale.name not in texts:
            stale.unlink()
    return sorted(map(Path, contents))


class _ExportRow(FileModel):
    """A row of an export, whose further columns are those of `ask`."""

    model_config = ConfigDict(extra="allow")

    study: Line
    study_hash: Line
    person: Line
    condition: Condition
    language: Line
    position: Annotated[Whole, Field(ge=0, le=99_999)]
    dilemma: Line
    order: Order
    repeat: Literal["0", "1"]
    answer: Choice
    complete: Literal["0", "1"]


def _read(path: Path, study: Study) -> tuple[pd.DataFrame, bytes]:
    """Return the checked rows of an export, sorted by person and position, and its bytes."""
    content = read_bytes(path, _MAX_BYTES)
    table, dilemmas = TableFile(str(path), content), _asked(study)
    lines = table.rows(_ExportRow, _MAX_BYTES)
    conditions: dict[str, Condition] = {}
    seen: set[tuple[object, ...]] = set()
    for line, _, row in lines:
        position, asked = (row.person, row.position), (row.person, row.dilemma, row.repeat)
        for column, problem, wrong in (
            ("study", f"must be {study.id}", row.study != study.id),
            ("study_hash", f"must be {study.hash}", row.study_hash != study.hash),
            ("dilemma", "must be a dilemma of the study", row.dilemma not in dilemmas),
            ("position", "repeats a position of the person", position in seen),
            ("dilemma", "is answered twice by the person", asked in seen),
            (
                "answer",
                "must not be coin",
                (row.condition, row.answer) == ("forced_choice", "coin"),
            ),
            (
                "condition",
                "must be the same for all rows of a person",
                conditions.setdefault(row.person, row.condition) != row.condition,
            ),
        ):
            if wrong:
                table.add((line, column), f"{problem}, not {shown(getattr(row, column))}")
        seen |= {position, asked}
    if not lines:
        table.add((), "has no answer")
    table.finish()
    rows = pd.DataFrame([cells for _, cells, _ in lines], dtype=str)
    rows["position"] = [row.position for _, _, row in lines]
    for name in ("repeat", "complete"):
        rows[name] = rows[name] == "1"
    return rows.sort_values(["person", "position"], kind="stable"), content


def _asked(study: Study) -> dict[str, Dilemma]:
    return {one.id: one for one in (*pool(study), *attention_checks(study))}


def _group(rows: pd.DataFrame, condition: Condition, study: Study) -> Group:
    """Return the people of a condition whom no rule leaves out, and their answers."""
    own = rows[rows["condition"] == condition]
    begun = own["person"].nunique()
    finished = own[own["complete"]]
    better = {one.id: study.dominating(one) for one in attention_checks(study)}
    controls = finished[finished["dilemma"].isin(list(better))]
    worse = (controls["answer"] != controls["dilemma"].map(better)) & (controls["answer"] != "coin")
    failed = worse.groupby(controls["person"]).mean()
    out = failed.index[failed > 0.5]
    kept = finished[~finished["person"].isin(out)]
    left_out = {
        "did not finish": begun - finished["person"].nunique(),
        "chose the worse candidate in more than half of the controls": len(out),
    }
    answers = kept[~kept["dilemma"].isin(list(better))]
    first, again = answers[~answers["repeat"]], answers[answers["repeat"]]
    both = again.merge(first, on=["person", "dilemma"], suffixes=("", "_first"))
    people, changed = kept["person"].nunique(), both["answer"] != both["answer_first"]
    counts = len(both), int(changed.sum())
    return Group(condition, begun, left_out, people, first, *counts, _rate(changed, both["person"]))


def _rate(changed: pd.Series[bool], persons: pd.Series[str]) -> tuple[float, float, float]:
    """Return the share of repeats answered differently, with a bootstrap interval over people."""
    if not len(changed):
        return (np.nan, np.nan, np.nan)
    by_person = changed.groupby(persons)
    asked, times = by_person.size().to_numpy(), by_person.sum().to_numpy()
    generator = np.random.default_rng(20217)
    people = generator.integers(len(asked), size=(2000, len(asked)))
    rates = times[people].sum(axis=1) / asked[people].sum(axis=1)
    low, high = np.quantile(rates, [0.025, 0.975])
    return (float(changed.mean()), float(low), float(high))


def _check(groups: Mapping[Condition, Group], study: Study) -> None:
    """Raise `UserError` unless there are enough people and answers."""
    if "forced_choice" not in groups and study.draw is not None:
        raise UserError(
            "nobody answered without a coin; a model of people's choices in drawn dilemmas needs "
            "people in forced_choice"
        )
    for name, one in groups.items():
        if one.people < FEWEST_PEOPLE:
            out = ", ".join(f"{people} {rule}" for rule, people in one.left_out.items())
            raise UserError(
                f"{one.people} people of {name} remain ({out}); at least {FEWEST_PEOPLE} are needed"
            )
        if study.draw is None:
            counts = one.rows["dilemma"].value_counts()
            few = [each.id for each in study.listed if counts.get(each.id, 0) < FEWEST]
            if few:
                raise UserError(
                    f"fewer than {FEWEST} people of {name} answered {', '.join(few[:10])}; ask more"
                )


def _tables(study: Study, groups: Mapping[Condition, Group], seed: int) -> dict[str, str]:
    """Return the text of all tables but `persons.csv`, by file name."""
    answers = {name: _answers(one.rows, study) for name, one in groups.items()}
    if study.draw is not None:
        make = partial(scored_tables, study, answers, _CELL, people=FEWEST, seed=seed)
        try:
            files, tables = make()
        except FitError:
            # Few answers may not determine the bends in every draw or half of the people.
            files, tables = make(bends=False)
        return files | table_texts(tables)
    listed = {name: _indicators(one.rows, study) for name, one in groups.items()}
    tables = counted_tables(study, listed, seed)
    for name, one in answers.items():
        logit = logit_model(group(study, name, one, seed))
        tables["models"][name] = estimates(logit)
        tables["covariance"][name] = covariances(logit)
        columns = [f"{logit.name}.{parameter}" for parameter in logit.parameters]
        draws = tables["draws"][name]
        tables["draws"][name] = pd.concat(
            [draws, pd.DataFrame(logit.draws, columns=columns)], axis=1
        )
    return draw_texts(tables.pop("draws")) | table_texts(tables)


def _answers(rows: pd.DataFrame, study: Study) -> Answers:
    """Return the answers as shown: the candidate shown first is on the left."""
    known = _asked(study)
    shown_pairs = [
        known[name].shown(order) for name, order in zip(rows["dilemma"], rows["order"], strict=True)
    ]
    left, right = (
        {
            name: np.array([pair[side].values[k] for pair in shown_pairs])
            for k, name in enumerate(study.attribute_ids)
        }
        for side in (0, 1)
    )
    code = rows["answer"].map(CHOICES.index).to_numpy(np.int64)
    swapped = (rows["order"] == "ba").to_numpy() & (code != COIN)
    position, choice = rows["position"].to_numpy(np.int64), np.where(swapped, 1 - code, code)
    person, people = pd.factorize(rows["person"], sort=True)
    return Answers(person.astype(np.int64), position, left, right, choice, len(people))


def _indicators(rows: pd.DataFrame, study: Study) -> Floats:
    """Return the answers to a fixed list as indicators, shape (people, questions, 3)."""
    person, people = pd.factorize(rows["person"], sort=True)
    places = {one.id: place for place, one in enumerate(study.listed)}
    table = np.zeros((len(people), len(places), len(CHOICES)))
    table[person, rows["dilemma"].map(places), rows["answer"].map(CHOICES.index)] = 1.0
    return table


@contextmanager
def _loaded(study: Study, texts: Mapping[str, str]) -> Iterator[Study]:
    """Yield the study with these tables, read from a copy as the evaluation reads them."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / study.path.name
        shutil.copytree(study.path, copy, ignore=shutil.ignore_patterns(REFERENCE_FOLDER))
        (copy / REFERENCE_FOLDER).mkdir()
        for file, text in texts.items():
            (copy / REFERENCE_FOLDER / file).write_text(text, encoding="utf-8")
        yield load_study(copy)


def _persons(reference: Reference, people: Group) -> tuple[pd.DataFrame, float]:
    """Return the rows of `persons.csv`, and the factor of the median of swap disagreement.

    Swap disagreement is rescaled to people's repeats: the simulated median is multiplied by the
    measured share over the simulated mean, the lower and the upper quantile by the ends of the
    measured interval over this mean. With fewer than `FEWEST` changed answers the rows stay
    simulated, and the factor is NaN.
    """
    table = person_table(reference, _PERSON_RUNS)
    if people.changed < FEWEST:
        return table, np.nan
    answers = answers_of_persons(reference, pool(reference.study))
    simulated = float(1 - (answers**2).sum(axis=2).mean())
    own = table["quantity"] == "swap_diff"
    # The band has the error of the measured share in it.
    for column, rate in zip(("median", "low", "high"), people.retest, strict=True):
        table.loc[own, column] = np.minimum(table.loc[own, column] * rate / simulated, 1.0)
    return table, people.retest[0] / simulated


def _card(
    study: Study,
    rows: pd.DataFrame,
    groups: Mapping[Condition, Group],
    ratios: Mapping[Condition, float],
    tables: Mapping[str, str],
) -> str:
    """Return `README.md`: who was asked, who was left out by which rule, and what was fitted."""
    kept = rows[rows["person"].isin({p for one in groups.values() for p in one.rows["person"]})]
    each = kept.drop_duplicates("person")
    about = ["language", *(name for name in rows.columns if name not in COLUMNS)]
    spread = tables.get("random_coefficients.csv", "")
    card = templates("lab", "", {}).get_template("survey_card.md")
    return card.render(
        study=study,
        groups=list(groups.values()),
        ratios=ratios,
        spread=[name for name in groups if f"\n{name}," in spread],
        bends="bend_" in tables["models.csv"],
        asked={name: _cells(each[name]) for name in about if each[name].nunique() > 1},
        fewest=FEWEST,
        drawn=study.draw is not None,
    )


def _cells(values: pd.Series[str]) -> dict[str, int]:
    """Return the number of people by option; options of fewer than `FEWEST` people are merged.

    If the merged cell is small itself, the next larger option is merged too. Merged options are not
    named, since a name would show that somebody chose it.
    """
    counts = values.replace("", "no answer").value_counts()  # the largest first
    named = int((counts >= FEWEST).sum())
    if 0 < counts.iloc[named:].sum() < FEWEST:
        named = max(named - 1, 0)
    cells = {str(name): int(count) for name, count in counts.iloc[:named].items()}
    if named < len(counts):
        cells["other options"] = int(counts.iloc[named:].sum())
    return cells
