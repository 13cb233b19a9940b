"""The human reference of a study and condition, read from the study's reference tables.

The tables in a study's `reference/` folder determine which quantities are known; a new study needs
no code.
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
    R,
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
    """Quantiles over people of the distance to their group in importance shares, shape (q,) each.

    Weights are from a Firth-penalised logit without a position effect, on `answers` decisions.
    """

    probabilities: Floats
    distances: Floats
    answers: int


@dataclass(frozen=True, eq=False)
class Reference:
    """The human reference of a study and condition.

    Attributes:
        condition: The condition, which decides the offered answers.
        version: Version of the tables; empty if the study ships none.
        sha256: Hash, in hexadecimal, of the study's tables that scores can depend on.
        has_people: Whether people answered in this condition.
        people: Number of people; 0 if none answered, -1 if the number was not published.
        weights: Logit weights per scale unit, positive where people favour, shape (k,); NaN where
            unknown.
        importance: Signed importance shares, shape (k,).
        importance_draws: Bootstrap draws of `importance`, shape (draws, k).
        strict_weights: Weights behind `closeness`: those of the forced-choice group, (k,).
        slope: Slope of logit P(coin) on |Δu|; NaN where unknown.
        half_threshold: |Δu| at which the better patient gets half of all answers; NaN where
            unknown.
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


def _hash(files: Sequence[Path]) -> str:
    """Return the SHA-256 of the names and contents of tables, with line ends normalised."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda p: p.name):
        content = without_bom(read_bytes(path, MAX_TABLE_BYTES))
        digest.update(path.name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


def _read(study: Study, condition: Condition, folder: Path, files: list[Path]) -> Reference:
    version = read_json(folder / "reference.json", About).version if files else ""
    tables = _Tables(study, condition)
    tables.check()
    names = study.attribute_ids
    strict = tables if condition == "forced_choice" else _Tables(study, "forced_choice")
    source = tables.source(strict.vector("logit", names))
    spans = np.array(study.spans)
    anchors: dict[str, dict[str, Quantity]] = {}
    for row in tables.rows(AnchorRow):
        anchors.setdefault(row.quantity, {})[row.respondent] = row.quantity_of(row.value)
    return Reference(
        study=study,
        condition=condition,
        version=version,
        sha256=_hash(files),
        has_people=not isinstance(source, CountShares) or bool(source.counts),
        people=int(study.people.get(condition, 0)),
        weights=tables.vector("logit", names),
        importance=importance_shares(tables.vector("logit", names), spans),
        importance_draws=importance_shares(tables.draw_matrix("logit", names), spans),
        strict_weights=strict.vector("logit", names),
        slope=tables.estimates.get(("slope", "closeness"), np.nan),
        half_threshold=tables.estimates.get(("half_threshold", "closeness"), np.nan),
        anchors=anchors,
        distances=tables.distances(),
        latent=read_latent(folder, condition, names),
        source=source,
    )


class _Tables:
    """The tables of a condition, which a reference is made of."""

    def __init__(self, study: Study, condition: Condition) -> None:
        self.study, self.condition = study, condition
        self.folder = study.path / REFERENCE_FOLDER
        self.answers = ("first", "second", "coin")[: 2 if condition == "forced_choice" else 3]
        self.estimates = {(row.model, row.parameter): row.estimate for row in self.rows(ModelRow)}
        names = study.attribute_ids
        self.models = {"shares": (*names, *(f"sign_{name}" for name in names), "lapse")}
        """The parameters of the models of shares, in the order of their vectors."""
        if len(self.answers) == 3:
            self.models["flip"] = (*FLIP_FEATURES, "intercept")

    def rows(self, row: type[R]) -> list[R]:
        return read_rows(self.folder, row, self.condition)

    @cached_property
    def draws(self) -> dict[str, Floats]:
        return read_draws(self.folder, self.condition)

    def vector(self, model: str, parameters: Sequence[str]) -> Floats:
        return np.array([self.estimates.get((model, name), np.nan) for name in parameters])

    def draw_matrix(self, model: str, parameters: Sequence[str]) -> Floats:
        columns = [f"{model}.{name}" for name in parameters]
        if not self.draws.keys() >= set(columns):
            return np.broadcast_to(self.vector(model, parameters), (DRAWS, len(parameters)))
        return np.column_stack([self.draws[name] for name in columns])

    def count_columns(self, dilemma: str) -> list[str]:
        """Return the columns of a dilemma's answers in the draws; empty if they have none."""
        columns = [f"{dilemma}.{answer}" for answer in self.answers]
        return columns if columns[0] in self.draws else []

    def check(self) -> None:
        """Raise `UserError` unless a condition's tables fit the study and each other."""
        counted = [row.dilemma for row in self.rows(CountRow)]
        if ("shares", "lapse") in self.estimates:
            for model, wanted in self.models.items():
                known = [name for of, name in self.estimates if of == model]
                self._need(ModelRow.file, f"lacks, of the model {model},", wanted, known)
            if not 0 <= self.estimates["shares", "lapse"] <= 1:
                raise UserError(f"{self.folder / ModelRow.file}: lapse must be from 0 to 1")
        for row in self.rows(CovarianceRow):
            if known := [name for of, name in self.estimates if of == row.model]:
                self._need(row.file, "models.csv lacks", (row.row, row.column), known)
        if self.study.draw is None:
            ids = [dilemma.id for dilemma in self.study.listed]
            self._need(CountRow.file, "the study has no dilemma", counted, ids)
            published = [row.dilemma for row in self.rows(ShareRow)]
            self._need(ShareRow.file, "the study has no dilemma", published, ids)
        for wide in (*self.rows(ProfileRow), *self.rows(LatentRow)):
            columns = wide.__pydantic_extra__
            self._need(wide.file, "lacks the columns", self.study.attribute_ids, columns)
        if self.draws:
            self._check_draws([self.count_columns(dilemma) for dilemma in counted])

    def _check_draws(self, counts: Sequence[Sequence[str]]) -> None:
        """Check the draws; `counts` are the columns of answers to each counted dilemma."""
        file = f"draws_{self.condition}.csv"
        if any(len(column) != DRAWS for column in self.draws.values()):
            raise UserError(f"{self.folder / file} must have {DRAWS} rows")
        names = [name for columns in counts for name in columns]
        self._need(file, "lacks the columns", names, self.draws)
        for name in (*names, "shares.lapse"):
            most = 1 if name == "shares.lapse" else np.inf
            if name in self.draws and not self._within(name, most):
                allowed = "0 to 1" if most == 1 else "0 up"
                raise UserError(f"{self.folder / file}: column {name} must be from {allowed}")
        for columns in filter(None, counts):
            if not np.any([self.draws[name] for name in columns], axis=0).all():
                dilemma = columns[0].removesuffix(".first")
                raise UserError(f"{self.folder / file}: {dilemma} has a draw of no answer")

    def _within(self, name: str, most: float) -> bool:
        return bool(((self.draws[name] >= 0) & (self.draws[name] <= most)).all())

    def _need(self, table: str, what: str, wanted: Iterable[str], there: Container[str]) -> None:
        if missing := [name for name in dict.fromkeys(wanted) if name not in there]:
            raise UserError(f"{self.folder / table}: {what} {', '.join(map(shown, missing[:10]))}")

    def source(self, strict: Floats) -> ShareSource:
        """Return the source of shares, from the first table that exists."""
        if ("shares", "lapse") in self.estimates:
            (theta, theta_draws), *flip = (
                (self.vector(model, names), self.draw_matrix(model, names))
                for model, names in self.models.items()
            )
            flip_theta, flip_draws = flip[0] if flip else (None, None)
            # A share excludes the position effect, hence the zero.
            theta_draws = np.column_stack([theta_draws, np.zeros(len(theta_draws))])
            theta = np.append(theta, 0.0)
            return ModelShares(self.study, theta, theta_draws, strict, flip_theta, flip_draws)
        counts = self.rows(CountRow)
        if not counts and (profiles := self.rows(ProfileRow)):
            scores = {row.values(self.study.attribute_ids): row.score for row in profiles}
            if len(scores) < len(profiles):
                raise UserError(f"{self.folder / ProfileRow.file} has two scores for one patient")
            return ProfileShares(scores)
        if not counts and (shares := self.rows(ShareRow)):
            return PublishedShares(
                first={row.dilemma: row.first for row in shares},
                effective={row.dilemma: row.effective for row in shares},
            )
        return CountShares(
            counts={row.dilemma: np.array(row.counts, dtype=np.float64) for row in counts},
            count_draws={
                row.dilemma: np.column_stack([self.draws[name] for name in columns])
                for row in counts
                if (columns := self.count_columns(row.dilemma))
            },
            answers=len(self.answers),
        )

    def distances(self) -> PersonDistances | None:
        rows = self.rows(DistanceRow)
        if not rows:
            return None
        probabilities = np.array([row.probability for row in rows])
        distances = np.array([row.distance for row in rows])
        if (np.diff(probabilities) <= 0).any() or (np.diff(distances) < 0).any():
            raise UserError(
                f"{self.folder / DistanceRow.file}: quantiles must be in ascending order"
            )
        return PersonDistances(probabilities, distances, rows[0].answers)
