"""The human side of one study and condition, read from the study's reference tables.

Which tables a study's `reference/` folder holds decides what is known; a study that is new needs
no code. See `kidney_evals.human.sources` for how each kind of table gives shares.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from kidney_evals.errors import UserError
from kidney_evals.estimation.centrality import share_farther
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.human.bootstrap import DRAWS
from kidney_evals.human.latent_table import LatentModel, read_latent
from kidney_evals.human.share_models import FLIP_FEATURES
from kidney_evals.human.sources import (
    CountShares,
    Floats,
    ModelShares,
    NoPeople,
    ProfileShares,
    PublishedShares,
    ShareSource,
    differences,
)
from kidney_evals.human.table_rows import About
from kidney_evals.human.tables import RANDOM_FILE, number, read_draws, read_rows, scored_tables
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
class FlipCurve:
    """How often people take the coin by closeness.

    Attributes:
        edges: Bin edges of |Δu| in strict-group logit units, shape (B+1,), the last infinite.
        masses: Share of the study's dilemmas in each bin, shape (B,).
        rates: People's coin rate, shape (B,).
        variance: Of the rates when people are drawn again, shape (B,).
        low: Lower ends of the 95 % intervals, shape (B,).
        high: Upper ends, shape (B,).
        draws: Rates with people drawn again, shape (draws, B).
    """

    edges: Floats
    masses: Floats
    rates: Floats
    variance: Floats
    low: Floats
    high: Floats
    draws: Floats

    def bins(self, closeness: Floats) -> NDArray[np.int64]:
        """Return the bin of each |Δu|, 0 to B-1."""
        return np.digitize(closeness, self.edges[1:-1]).astype(np.int64)


@dataclass(frozen=True)
class Anchor:
    """What a known respondent gets on a quantity; low and high are NaN where not stated."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PersonDistances:
    """How far single people lie from their group in importance shares, at about 40 answers.

    Each person's weights come from a Firth-penalised logit without a pull of the first place, on
    their decided answers in one order. A model is brought to that estimator and that number of
    answers before it is compared.

    Attributes:
        probabilities: Ascending between 0 and 1, shape (q,).
        distances: Quantiles of the distance over people, shape (q,).
        answers: Decisions behind a person's distance, mean over people.
    """

    probabilities: Floats
    distances: Floats
    answers: int

    def farther(self, distance: float) -> float:
        """Return the share of people who are farther from the group than `distance`."""
        return float(share_farther(distance, self.distances, self.probabilities))


@dataclass(frozen=True, eq=False)
class Reference:
    """The human side of one study and condition.

    Attributes:
        study: The study.
        condition: What people were offered.
        version: Of the tables; empty where the study ships none.
        sha256: Over the tables of the study that scores can depend on, in hexadecimal.
        has_people: Whether people answered in this condition.
        people: How many; 0 where nobody did, -1 where the number was not published.
        weights: Logit weights per scale unit, positive where people favour, shape (k,); NaN
            where unknown.
        covariance: Of the weights, clustered by person, shape (k, k).
        weight_draws: With people drawn again, shape (draws, k).
        importance: Signed importance shares, shape (k,).
        importance_draws: Shape (draws, k).
        strict_weights: Weights behind `closeness`: those of the forced-choice group, (k,).
        curve: Coin rate by closeness; None without a coin group or drawn dilemmas.
        slope: Slope of logit P(coin) on |Δu|; NaN where unknown.
        slope_draws: Shape (draws,).
        half_threshold: |Δu| at which the better patient gets half of all answers; NaN where
            unknown.
        anchors: What known respondents get, by quantity and respondent.
        distances: Of single people to the group; None where unknown.
        latent: Classes of people; None where unknown.
        source: Where shares come from.
    """

    study: Study
    condition: Condition
    version: str
    sha256: str
    has_people: bool
    people: int
    weights: Floats
    covariance: Floats
    weight_draws: Floats
    importance: Floats
    importance_draws: Floats
    strict_weights: Floats
    curve: FlipCurve | None
    slope: float
    slope_draws: Floats
    half_threshold: float
    anchors: Mapping[str, Mapping[str, Anchor]]
    distances: PersonDistances | None
    latent: LatentModel | None
    source: ShareSource = field(repr=False)

    def shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return human shares as listed: (first, second) or (first, second, coin), (n, K)."""
        return self.source.shares(dilemmas)

    def smoothed_shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return shares that are never 0, for log-scores: (count + ½)/(n + K/2) of counts."""
        return self.source.smoothed(dilemmas)

    def share_draws(self, dilemmas: Sequence[Dilemma]) -> NDArray[np.floating]:
        """Return shares with people drawn again, jointly over dilemmas, (draws, n, K)."""
        return self.source.draws(dilemmas)

    def decided_shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return shares among decided answers, (first, second), shape (n, 2)."""
        both = self.shares(dilemmas)[:, :2]
        result: Floats = both / both.sum(axis=1, keepdims=True)
        return result

    def counts(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return people's counted answers, shape (n, K); NaN where shares are not counts."""
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
        """Return the coin rate on these dilemmas with people drawn again, shape (draws,)."""
        draws = self.share_draws(dilemmas)
        if draws.shape[2] < 3 or draws.shape[1] == 0:
            return np.full(len(draws), np.nan)
        result: Floats = draws[:, :, 2].mean(axis=1, dtype=np.float64)
        return result


_CACHE: dict[tuple[object, ...], Reference] = {}


def load_reference(study: Study, condition: Condition) -> Reference:
    """Return the human side of a study and condition; reading it again is free.

    Raises:
        UserError: A table is there but does not fit its form.
    """
    folder = study.path / REFERENCE_FOLDER
    files = scored_tables(folder)
    stamps = tuple(map(stamp, files))
    key = (study.path, study.hash, stamps)
    if (condition, *key) not in _CACHE:
        # A user's folder is read whole, so that no table is refused after a run has begun.
        own = study.source not in study_names()
        for table in ("bends.csv", "calibration.csv", RANDOM_FILE) if own else ():
            if os.path.lexists(folder / table):
                read_rows(folder / table)
        for one in CONDITIONS if own else (condition,):
            _CACHE[one, *key] = _read(study, one, folder, files)
    return _CACHE[condition, *key]


def reference_hash(files: Sequence[Path]) -> str:
    """Return SHA-256 over the names and contents of tables, line ends made alike."""
    digest = hashlib.sha256()
    for path in sorted(files, key=lambda p: p.name):
        content = without_bom(read_bytes(path, MAX_TABLE_BYTES))
        digest.update(path.name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()


def _read(study: Study, condition: Condition, folder: Path, files: list[Path]) -> Reference:
    names = {path.name for path in files}
    version = read_json(folder / "reference.json", About).version if files else ""
    k = len(study.attributes)
    tables = _Tables(folder, names, condition)
    _check_tables(study, tables)
    weights = tables.vector("logit", study.attribute_ids)
    forced = tables if condition == "forced_choice" else _Tables(folder, names, "forced_choice")
    strict = forced.vector("logit", study.attribute_ids)
    source = _source(study, tables, strict)
    draws = tables.draws
    weight_draws = tables.draw_matrix("logit", study.attribute_ids)
    spans = np.array(study.spans)
    slope = tables.vector("slope", ("closeness",))[0]
    return Reference(
        study=study,
        condition=condition,
        version=version,
        sha256=reference_hash(files),
        has_people=not isinstance(source, NoPeople),
        people=int(study.people.get(condition, 0)),
        weights=weights,
        covariance=tables.covariance("logit", study.attribute_ids),
        weight_draws=weight_draws,
        importance=importance_shares(weights, spans),
        importance_draws=importance_shares(weight_draws, spans),
        strict_weights=strict if strict.shape == (k,) else np.full(k, np.nan),
        curve=_curve(folder, draws) if "curve.0" in draws else None,
        slope=float(slope),
        slope_draws=tables.draw_matrix("slope", ("closeness",))[:, 0],
        half_threshold=float(tables.vector("half_threshold", ("closeness",))[0]),
        anchors=_anchors(folder, names, condition),
        distances=_distances(folder, names, condition),
        latent=read_latent(folder, condition, study.attribute_ids)
        if "latent_classes.csv" in names
        else None,
        source=source,
    )


class _Tables:
    """The rows of one condition."""

    def __init__(self, folder: Path, names: set[str], condition: Condition) -> None:
        self.folder, self.names, self.condition = folder, names, condition
        self._read: dict[str, list[dict[str, str]]] = {}
        self.answers = ("first", "second", "coin")[: 2 if condition == "forced_choice" else 3]
        self.draws_file = f"draws_{condition}.csv"
        self.estimates = {
            (row["model"], row["parameter"]): number(row["estimate"])
            for row in self.rows("models.csv")
        }

    @cached_property
    def draws(self) -> dict[str, Floats]:
        return read_draws(self.folder / self.draws_file) if self.draws_file in self.names else {}

    def rows(self, name: str) -> list[dict[str, str]]:
        if name not in self._read:
            rows = read_rows(self.folder / name) if name in self.names else []
            self._read[name] = [
                row for row in rows if row.get("condition", self.condition) == self.condition
            ]
        return self._read[name]

    def vector(self, model: str, parameters: Sequence[str]) -> Floats:
        return np.array([self.estimates.get((model, name), np.nan) for name in parameters])

    def draw_matrix(self, model: str, parameters: Sequence[str]) -> Floats:
        columns = [self.draws.get(f"{model}.{name}") for name in parameters]
        if any(column is None for column in columns):
            point = self.vector(model, parameters)
            return np.broadcast_to(point, (DRAWS, len(point)))
        return np.column_stack(cast(list[Floats], columns))

    def covariance(self, model: str, parameters: Sequence[str]) -> Floats:
        k = len(parameters)
        result = np.full((k, k), np.nan)
        place = {name: i for i, name in enumerate(parameters)}
        for row in self.rows("covariance.csv"):
            if row["model"] == model and row["row"] in place and row["column"] in place:
                i, j = place[row["row"]], place[row["column"]]
                result[i, j] = result[j, i] = number(row["covariance"])
        return result


def _check_tables(study: Study, tables: _Tables) -> None:
    """Check a table against the study and against the other tables.

    Raises:
        UserError: A table lacks a parameter, a column or a row, or is about other dilemmas.
    """

    def need(table: str, what: str, wanted: Iterable[str], there: Container[str]) -> None:
        if missing := [name for name in dict.fromkeys(wanted) if name not in there]:
            listed = ", ".join(map(shown, missing[:10]))
            raise UserError(f"{tables.folder / table}: {what} {listed}")

    def within(name: str, upper: float) -> None:
        column = tables.draws[name]
        if column.min() < 0 or column.max() > upper:
            allowed = "0 to 1" if upper == 1 else "0 up"
            raise UserError(
                f"{tables.folder / tables.draws_file}: column {name} must be from {allowed}"
            )

    parameters: dict[str, list[str]] = {}
    for model, parameter in tables.estimates:
        parameters.setdefault(model, []).append(parameter)
    if "lapse" in parameters.get("shares", ()):
        for model in ("shares", "flip")[: len(tables.answers) - 1]:
            wanted = _parameters(study, model)
            need("models.csv", f"lacks, of the model {model},", wanted, parameters.get(model, ()))
        if not 0 <= tables.estimates["shares", "lapse"] <= 1:
            raise UserError(f"{tables.folder / 'models.csv'}: lapse must be from 0 to 1")
    for row in tables.rows("covariance.csv"):
        known = parameters.get(row["model"])
        if known is not None:
            need("covariance.csv", "models.csv lacks", (row["row"], row["column"]), known)
    for table in ("counts.csv", "shares.csv"):
        found = [row["dilemma"] for row in tables.rows(table)]
        if study.draw is None:
            need(table, "the study has no dilemma", found, [one.id for one in study.listed])
    for table in ("profiles.csv", "latent_classes.csv"):
        for row in tables.rows(table)[:1]:
            need(table, "lacks the columns", study.attribute_ids, row)
    if not tables.draws:
        return
    if any(len(column) != DRAWS for column in tables.draws.values()):
        raise UserError(f"{tables.folder / tables.draws_file} must have {DRAWS} rows")
    counted = [row["dilemma"] for row in tables.rows("counts.csv")]
    counts = [
        f"{dilemma}.{answer}"
        for dilemma in counted
        for answer in tables.answers
        if f"{dilemma}.first" in tables.draws
    ]
    bins = len(tables.rows("flip_curve.csv")) if "curve.0" in tables.draws else 0
    rates = [f"curve.{b}" for b in range(bins)]
    rates += ["shares.lapse"] if "shares.lapse" in tables.draws else []
    need(tables.draws_file, "lacks the columns", (*counts, *rates), tables.draws)
    for name in (*counts, *rates):
        within(name, 1 if name in rates else np.inf)
    for dilemma in counted:
        columns = [name for name in counts if name.rpartition(".")[0] == dilemma]
        if columns and not np.any([tables.draws[name] for name in columns], axis=0).all():
            raise UserError(
                f"{tables.folder / tables.draws_file}: {dilemma} has a draw of no answer"
            )


def _parameters(study: Study, model: str) -> tuple[str, ...]:
    """Return the parameters of the model `shares` or `flip`, in the order of its vector."""
    if model == "flip":
        return (*FLIP_FEATURES, "intercept")
    names = study.attribute_ids
    return (*names, *(f"sign_{name}" for name in names), "lapse")


def _source(study: Study, tables: _Tables, strict: Floats) -> ShareSource:
    counts = tables.rows("counts.csv")
    profiles = tables.rows("profiles.csv")
    shares = tables.rows("shares.csv")
    if ("shares", "lapse") in tables.estimates:
        names = _parameters(study, "shares")
        flip, flip_draws = None, None
        if len(tables.answers) == 3:
            flip = tables.vector("flip", _parameters(study, "flip"))
            flip_draws = tables.draw_matrix("flip", _parameters(study, "flip"))
        # The pull of the first place is not part of a share, hence the zero.
        theta_draws = tables.draw_matrix("shares", names)
        return ModelShares(
            study=study,
            theta=np.append(tables.vector("shares", names), 0.0),
            theta_draws=np.column_stack([theta_draws, np.zeros(len(theta_draws))]),
            strict_weights=strict,
            flip=flip,
            flip_draws=flip_draws,
        )
    if counts:
        ids = [row["dilemma"] for row in counts]
        return CountShares(
            counts={
                row["dilemma"]: np.array([float(row[answer]) for answer in tables.answers])
                for row in counts
            },
            count_draws={
                name: np.column_stack(
                    [tables.draws[f"{name}.{answer}"] for answer in tables.answers]
                )
                for name in ids
                if f"{name}.first" in tables.draws
            },
            answers=len(tables.answers),
        )
    if profiles:
        ids = list(study.attribute_ids)
        scores = {tuple(float(row[name]) for name in ids): float(row["score"]) for row in profiles}
        if len(scores) < len(profiles):
            raise UserError(f"{tables.folder / 'profiles.csv'} has two scores for one patient")
        return ProfileShares(scores)
    if shares:
        return PublishedShares(
            first={row["dilemma"]: float(row["first"]) for row in shares},
            effective={row["dilemma"]: float(row["effective"]) for row in shares},
        )
    return NoPeople(len(tables.answers))


def _curve(folder: Path, draws: Mapping[str, Floats]) -> FlipCurve:
    rows = read_rows(folder / "flip_curve.csv")

    def column(name: str) -> Floats:
        return np.array([number(row[name]) for row in rows])

    edges = np.append(column("from"), number(rows[-1]["to"]))
    if edges[0] != 0 or (column("to") != edges[1:]).any() or np.isfinite(edges[-1]):
        raise UserError(f"{folder / 'flip_curve.csv'}: bins must follow each other from 0 to inf")
    return FlipCurve(
        edges=edges,
        masses=column("mass"),
        rates=column("rate"),
        variance=column("variance"),
        low=column("low"),
        high=column("high"),
        draws=np.column_stack([draws[f"curve.{b}"] for b in range(len(rows))]),
    )


def _anchors(
    folder: Path, names: set[str], condition: Condition
) -> Mapping[str, Mapping[str, Anchor]]:
    result: dict[str, dict[str, Anchor]] = {}
    if "anchors.csv" in names:
        for row in read_rows(folder / "anchors.csv"):
            if row["condition"] == condition:
                anchor = Anchor(number(row["value"]), number(row["low"]), number(row["high"]))
                result.setdefault(row["quantity"], {})[row["respondent"]] = anchor
    return result


def _distances(folder: Path, names: set[str], condition: Condition) -> PersonDistances | None:
    if "person_distances.csv" not in names:
        return None
    rows = [
        row for row in read_rows(folder / "person_distances.csv") if row["condition"] == condition
    ]
    if not rows:
        return None
    probabilities = np.array([float(row["probability"]) for row in rows])
    distances = np.array([float(row["distance"]) for row in rows])
    if (np.diff(probabilities) <= 0).any() or (np.diff(distances) < 0).any():
        raise UserError(f"{folder / 'person_distances.csv'}: quantiles must be in ascending order")
    return PersonDistances(
        probabilities=probabilities,
        distances=distances,
        answers=int(rows[0]["answers"]),
    )
