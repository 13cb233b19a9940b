"""The human reference of a study and condition, read from the study's reference tables.

The tables in a study's `reference/` folder determine which quantities are known; a new study needs
no code. `kidney_evals.human.sources` describes how each kind of table gives shares.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kidney_evals.errors import UserError
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.people_tables import LatentModel, read_latent
from kidney_evals.human.sources import (
    DRAWS,
    FLIP_FEATURES,
    CountShares,
    ModelShares,
    NoPeople,
    ProfileShares,
    PublishedShares,
    ShareSource,
    differences,
)
from kidney_evals.human.tables import (
    TABLES,
    About,
    AnchorRow,
    CountRow,
    CovarianceRow,
    DistanceRow,
    Floats,
    LatentRow,
    ModelRow,
    ProfileRow,
    ShareRow,
    read_draws,
    read_rows,
    scored_tables,
)
from kidney_evals.input_files import (
    MAX_TABLE_BYTES,
    read_bytes,
    read_json,
    shown,
    stamp,
    without_bom,
)
from kidney_evals.studies import CONDITIONS, Condition, Dilemma, Study, study_names

REFERENCE_FOLDER = "reference"


@dataclass(frozen=True)
class PersonDistances:
    """Distribution over people of the distance to their group in importance shares.

    Each person's weights come from a Firth-penalised logit without a position effect, on about 40
    decided answers in one order. A model is brought to the same estimator and number of answers
    before the comparison.

    Attributes:
        probabilities: Ascending between 0 and 1, shape (q,).
        distances: Quantiles of the distance over people, shape (q,).
        answers: Mean number of decisions behind a person's distance.
    """

    probabilities: Floats
    distances: Floats
    answers: int


@dataclass(frozen=True, eq=False)
class Reference:
    """The human reference of a study and condition.

    Attributes:
        study: The study.
        condition: The condition, which decides the offered answers.
        version: Version of the tables; empty if the study ships none.
        sha256: Hash, in hexadecimal, of the study's tables that scores can depend on.
        has_people: Whether people answered in this condition.
        people: Number of people; 0 if none answered, -1 if the number was not published.
        weights: Logit weights per scale unit, positive where people favour, shape (k,); NaN
            where unknown.
        importance: Signed importance shares, shape (k,).
        importance_draws: Bootstrap draws of `importance`, shape (draws, k).
        strict_weights: Weights behind `closeness`: those of the forced-choice group, (k,).
        slope: Slope of logit P(coin) on |Δu|; NaN where unknown.
        half_threshold: |Δu| at which the better patient gets half of all answers; NaN where
            unknown.
        anchors: Values of known respondents, by quantity and respondent.
        distances: Distances of single people to the group; None where unknown.
        latent: Latent classes of people; None where unknown.
        source: Source of the shares.
    """

    study: Study
    condition: Condition
    version: str
    sha256: str
    has_people: bool
    people: int
    weights: Floats
    importance: Floats
    importance_draws: Floats
    strict_weights: Floats
    slope: float
    half_threshold: float
    anchors: Mapping[str, Mapping[str, Quantity]]
    distances: PersonDistances | None
    latent: LatentModel | None
    source: ShareSource = field(repr=False)

    @property
    def folder(self) -> Path:
        """The folder of the tables."""
        return self.study.path / REFERENCE_FOLDER

    def anchor(self, quantity: str, respondent: str = "one_person") -> float:
        """Return the value of a quantity for a known respondent; NaN if not measured."""
        anchors = self.anchors.get(quantity, {})
        return anchors[respondent].value if respondent in anchors else float("nan")

    def shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return human shares as listed, (first, second) or (first, second, coin), shape (n, K)."""
        return self.source.shares(dilemmas)

    def share_draws(self, dilemmas: Sequence[Dilemma]) -> NDArray[np.floating]:
        """Return shares under resampled people, jointly over dilemmas, shape (draws, n, K)."""
        return self.source.draws(dilemmas)

    def decided_shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return shares among decided answers, (first, second), shape (n, 2)."""
        both = self.shares(dilemmas)[:, :2]
        result: Floats = both / both.sum(axis=1, keepdims=True)
        return result

    def counts(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return people's counted answers, shape (n, K); NaN if shares do not come from counts."""
        if isinstance(self.source, CountShares):
            return self.source.table(dilemmas)
        return np.full(self.shares(dilemmas).shape, np.nan)

    def closeness(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return |Δu| in forced-choice-group logit units, shape (n,); NaN where unknown."""
        if isinstance(self.source, ProfileShares):
            return np.abs(self.source.utility(dilemmas))
        result: Floats = np.abs(differences(self.study, dilemmas) @ self.strict_weights)
        return result

    def flip_rate(self, dilemmas: Sequence[Dilemma]) -> float:
        """Return people's coin rate on these dilemmas; NaN without a coin group."""
        shares = self.shares(dilemmas)
        return float(shares[:, 2].mean()) if shares.shape[1] == 3 and len(shares) else float("nan")

    def flip_rate_draws(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return the coin rate on these dilemmas under resampled people, shape (draws,)."""
        draws = self.share_draws(dilemmas)
        if draws.shape[2] < 3 or draws.shape[1] == 0:
            return np.full(len(draws), np.nan)
        result: Floats = draws[:, :, 2].mean(axis=1, dtype=np.float64)
        return result


_CACHE: dict[tuple[object, ...], Reference] = {}


def load_reference(study: Study, condition: Condition) -> Reference:
    """Return the human reference of a study and condition, cached while its tables are unchanged.

    Raises:
        UserError: A table is invalid.
    """
    folder = study.path / REFERENCE_FOLDER
    files = scored_tables(folder)
    key = (study.path, study.hash, tuple(map(stamp, files)))
    if (condition, *key) not in _CACHE:
        # Read all tables of a user's folder, so that no table is refused after a run has begun.
        own = study.source not in study_names()
        for table in TABLES if own else ():
            read_rows(folder, table)
        for one in CONDITIONS if own else (condition,):
            _CACHE[one, *key] = _read(study, one, folder, files)
    return _CACHE[condition, *key]


def reference_hash(files: Sequence[Path]) -> str:
    """Return the SHA-256 of the names and contents of tables, with line ends normalised."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda p: p.name):
        content = without_bom(read_bytes(path, MAX_TABLE_BYTES))
        digest.update(path.name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


def _read(study: Study, condition: Condition, folder: Path, files: list[Path]) -> Reference:
    version = read_json(folder / "reference.json", About).version if files else ""
    models = _Models(folder, condition)
    _check_tables(study, models)
    names = study.attribute_ids
    strict = models if condition == "forced_choice" else _Models(folder, "forced_choice")
    source = _source(study, models, strict.vector("logit", names))
    spans = np.array(study.spans)
    anchors: dict[str, dict[str, Quantity]] = {}
    for row in read_rows(folder, AnchorRow, condition):
        anchors.setdefault(row.quantity, {})[row.respondent] = row.quantity_of(row.value)
    return Reference(
        study=study,
        condition=condition,
        version=version,
        sha256=reference_hash(files),
        has_people=not isinstance(source, NoPeople),
        people=int(study.people.get(condition, 0)),
        weights=models.vector("logit", names),
        importance=importance_shares(models.vector("logit", names), spans),
        importance_draws=importance_shares(models.draw_matrix("logit", names), spans),
        strict_weights=strict.vector("logit", names),
        slope=models.estimates.get(("slope", "closeness"), np.nan),
        half_threshold=models.estimates.get(("half_threshold", "closeness"), np.nan),
        anchors=anchors,
        distances=_distances(folder, condition),
        latent=read_latent(folder, condition, names),
        source=source,
    )


class _Models:
    """The fitted models of a condition: estimates by model and parameter, and draws."""

    def __init__(self, folder: Path, condition: Condition) -> None:
        self.folder, self.condition = folder, condition
        self.answers = ("first", "second", "coin")[: 2 if condition == "forced_choice" else 3]
        self.estimates = {
            (row.model, row.parameter): row.estimate
            for row in read_rows(folder, ModelRow, condition)
        }

    @cached_property
    def draws(self) -> dict[str, Floats]:
        return read_draws(self.folder, self.condition)

    def vector(self, model: str, parameters: Sequence[str]) -> Floats:
        return np.array([self.estimates.get((model, name), np.nan) for name in parameters])

    def draw_matrix(self, model: str, parameters: Sequence[str]) -> Floats:
        columns = [f"{model}.{name}" for name in parameters]
        if not self.draws.keys() >= set(columns):
            point = self.vector(model, parameters)
            return np.broadcast_to(point, (DRAWS, len(point)))
        return np.column_stack([self.draws[name] for name in columns])


def _check_tables(study: Study, models: _Models) -> None:
    """Check the tables of a condition against the study and against each other.

    Raises:
        UserError: A table lacks a parameter, a column or a row, or is about other dilemmas.
    """
    folder, condition, draws = models.folder, models.condition, models.draws
    draws_file = f"draws_{condition}.csv"

    def need(table: str, what: str, wanted: Iterable[str], there: Container[str]) -> None:
        if missing := [name for name in dict.fromkeys(wanted) if name not in there]:
            raise UserError(f"{folder / table}: {what} {', '.join(map(shown, missing[:10]))}")

    parameters: dict[str, list[str]] = {}
    for model, parameter in models.estimates:
        parameters.setdefault(model, []).append(parameter)
    if "lapse" in parameters.get("shares", ()):
        for model in ("shares", "flip")[: len(models.answers) - 1]:
            wanted = _parameters(study, model)
            need(ModelRow.file, f"lacks, of the model {model},", wanted, parameters.get(model, ()))
        if not 0 <= models.estimates["shares", "lapse"] <= 1:
            raise UserError(f"{folder / ModelRow.file}: lapse must be from 0 to 1")
    for row in read_rows(folder, CovarianceRow, condition):
        if known := parameters.get(row.model):
            need(row.file, "models.csv lacks", (row.row, row.column), known)
    counted = [row.dilemma for row in read_rows(folder, CountRow, condition)]
    if study.draw is None:
        ids = [one.id for one in study.listed]
        shares = [row.dilemma for row in read_rows(folder, ShareRow, condition)]
        for table, asked in ((CountRow.file, counted), (ShareRow.file, shares)):
            need(table, "the study has no dilemma", asked, ids)
    wide = (*read_rows(folder, ProfileRow, condition), *read_rows(folder, LatentRow, condition))
    for one in wide:
        need(one.file, "lacks the columns", study.attribute_ids, one.__pydantic_extra__)
    if not draws:
        return
    if any(len(column) != DRAWS for column in draws.values()):
        raise UserError(f"{folder / draws_file} must have {DRAWS} rows")
    columns = {
        dilemma: [f"{dilemma}.{answer}" for answer in models.answers]
        for dilemma in counted
        if f"{dilemma}.first" in draws
    }
    counts = [name for names in columns.values() for name in names]
    need(draws_file, "lacks the columns", counts, draws)
    for name in (*counts, "shares.lapse"):
        most = 1 if name == "shares.lapse" else np.inf
        if name in draws and not ((draws[name] >= 0) & (draws[name] <= most)).all():
            allowed = "0 to 1" if most == 1 else "0 up"
            raise UserError(f"{folder / draws_file}: column {name} must be from {allowed}")
    for dilemma, names in columns.items():
        if not np.any([draws[name] for name in names], axis=0).all():
            raise UserError(f"{folder / draws_file}: {dilemma} has a draw of no answer")


def _parameters(study: Study, model: str) -> tuple[str, ...]:
    """Return the parameters of the model `shares` or `flip`, in the order of its vector."""
    if model == "flip":
        return (*FLIP_FEATURES, "intercept")
    names = study.attribute_ids
    return (*names, *(f"sign_{name}" for name in names), "lapse")


def _source(study: Study, models: _Models, strict: Floats) -> ShareSource:
    folder, condition, draws = models.folder, models.condition, models.draws
    coin = len(models.answers) == 3
    if ("shares", "lapse") in models.estimates:
        names, flip = _parameters(study, "shares"), _parameters(study, "flip")
        # A share excludes the position effect, hence the zero.
        theta_draws = models.draw_matrix("shares", names)
        return ModelShares(
            study=study,
            theta=np.append(models.vector("shares", names), 0.0),
            theta_draws=np.column_stack([theta_draws, np.zeros(len(theta_draws))]),
            strict_weights=strict,
            flip=models.vector("flip", flip) if coin else None,
            flip_draws=models.draw_matrix("flip", flip) if coin else None,
        )
    if counts := read_rows(folder, CountRow, condition):
        return CountShares(
            counts={row.dilemma: np.array(row.counts, dtype=np.float64) for row in counts},
            count_draws={
                row.dilemma: np.column_stack(
                    [draws[f"{row.dilemma}.{answer}"] for answer in models.answers]
                )
                for row in counts
                if f"{row.dilemma}.first" in draws
            },
            answers=len(models.answers),
        )
    if profiles := read_rows(folder, ProfileRow, condition):
        scores = {row.values(study.attribute_ids): row.score for row in profiles}
        if len(scores) < len(profiles):
            raise UserError(f"{folder / ProfileRow.file} has two scores for one patient")
        return ProfileShares(scores)
    if shares := read_rows(folder, ShareRow, condition):
        return PublishedShares(
            first={row.dilemma: row.first for row in shares},
            effective={row.dilemma: row.effective for row in shares},
        )
    return NoPeople(len(models.answers))


def _distances(folder: Path, condition: Condition) -> PersonDistances | None:
    rows = read_rows(folder, DistanceRow, condition)
    if not rows:
        return None
    probabilities = np.array([row.probability for row in rows])
    distances = np.array([row.distance for row in rows])
    if (np.diff(probabilities) <= 0).any() or (np.diff(distances) < 0).any():
        raise UserError(f"{folder / DistanceRow.file}: quantiles must be in ascending order")
    return PersonDistances(probabilities, distances, rows[0].answers)
