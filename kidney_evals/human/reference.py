"""The human reference of a study and condition, read from the study's reference tables.

The tables in a study's `reference/` folder determine which quantities are known; a new study needs
no code.
"""

import hashlib
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kidney_evals.errors import UserError, errors_of
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human.people_tables import LatentModel, PeopleModel, covariance_of
from kidney_evals.human.sources import (
    DRAWS,
    LAPSE,
    PEOPLE_TERMS,
    ListedShares,
    ModelShares,
    Parameters,
    ProfileShares,
    ShareSource,
    choice_features,
    counted_draws,
    differences,
    flip_features,
    people_parameters,
    published_shares,
)
from kidney_evals.human.tables import (
    NO_BAND,
    TABLES,
    About,
    Band,
    CalibrationRow,
    CountRow,
    CovarianceRow,
    CrowdRow,
    DistanceRow,
    Floats,
    LatentRow,
    MarginRow,
    ModelRow,
    PersonRow,
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
from kidney_evals.studies import CHOICES, CONDITIONS, Condition, Dilemma, Study, study_names

REFERENCE_FOLDER = "reference"


@dataclass(frozen=True)
class PersonDistances:
    """Quantiles over people of the distance between a person's and the group's importance shares.

    A person's weights are from a Firth-penalised logit without position effect.

    Attributes:
        probabilities: Probability of each quantile, ascending, shape (q,).
        distances: The quantiles, shape (q,).
        answers: Mean number of a person's decisions.
    """

    probabilities: Floats
    distances: Floats
    answers: int


@dataclass(frozen=True, eq=False)
class ReferenceTables:
    """The tables of a study's people in one condition."""

    study: Study
    condition: Condition

    @property
    def folder(self) -> Path:
        """The folder of the tables."""
        return self.study.path / REFERENCE_FOLDER

    def rows(self, row: type[R]) -> list[R]:
        """Return the rows of a table that are of this condition; empty without the table.

        Args:
            row: Class of the rows, which names the table.

        Raises:
            UserError: The table is invalid.
        """
        return read_rows(self.folder, row, self.condition)


@dataclass(frozen=True, eq=False)
class Reference(ReferenceTables):
    """The human reference of a study and condition. Unknown numbers are NaN.

    Attributes:
        version: Version of the tables; empty if the study ships none.
        sha256: Hash, in hexadecimal, of the study's tables that scores can depend on.
        has_people: Whether people answered in this condition.
        people: Number of people; 0 if none answered, -1 if the number was not published.
        weights: Logit weights per scale unit, positive where people favour, shape (k,).
        importance: Signed importance shares, shape (k,).
        importance_draws: Bootstrap draws of `importance`, shape (draws, k).
        strict_weights: Logit weights of the forced-choice group, (k,); Δu, the difference of
            utility between the patients, is in these logits.
        slope: Slope of logit P(coin) on |Δu|.
        half_threshold: |Δu| at which the better patient gets half of all answers.
        distances: Distances between single people's importance shares and the group's; None if
            unknown.
        latent: Latent classes of the people; None if unknown.
        persons: By measure, quantiles over single persons.
        margins: By measure, the largest difference between random halves of the people in 95 % of
            splits.
        crowd: By measure, the expected value for people's own answers, 0 if the models of people
            fit.
        source: Source of the shares.
    """

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
    distances: PersonDistances | None
    latent: LatentModel | None
    source: ShareSource = field(repr=False)
    persons: Mapping[str, Band]
    margins: Mapping[str, float]
    crowd: Mapping[str, Quantity]

    @property
    def importance_covariance(self) -> Floats:
        """Covariance of `importance` over its bootstrap draws, shape (k, k)."""
        return np.atleast_2d(np.cov(self.importance_draws, rowvar=False))

    def model(self, name: str) -> PeopleModel | None:
        """Return a model of these people by its name in `models.csv`; None if unknown."""
        found = {
            row.parameter: row.quantity_of(row.estimate)
            for row in self.rows(ModelRow)
            if row.model == name
        }
        covariance = covariance_of(self.rows(CovarianceRow), name, list(found))
        return PeopleModel(found, covariance) if found else None

    def calibration(self, model: str, pairs: str = "all") -> list[CalibrationRow]:
        """Return the rows of a model's calibration table, in the table's order; empty if unknown.

        Args:
            model: `shares` or `logit`, for the share of decided answers that choose the patient
                whom the logit favours, as predicted by the model of shares or by the logit; `flip`
                for the share of coins.
            pairs: Kind of pair (see `CalibrationRow`).
        """
        rows = self.rows(CalibrationRow)
        return [row for row in rows if (row.model, row.pairs) == (model, pairs)]

    def person(self, quantity: str) -> Band:
        """Return the quantiles of a measure over single persons; `NO_BAND` if unknown."""
        return self.persons.get(quantity, NO_BAND)

    def margin(self, quantity: str) -> float:
        """Return the largest difference of a measure from people that counts as no difference.

        NaN if unknown.
        """
        return self.margins.get(quantity, np.nan)

    def misfit(self, quantity: str) -> float:
        """Return the expected value of a measure for people's own answers; NaN if unknown.

        It is 0 if the models of people fit.
        """
        return self.crowd[quantity].value if quantity in self.crowd else np.nan

    def shares(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return human shares as listed, (first, second) or (first, second, coin), shape (n, K)."""
        return self.source.shares(dilemmas)

    def shares_of(self, dilemma: Dilemma) -> tuple[float, ...]:
        """Return the human shares of one dilemma, as `shares` does, from a cache."""
        return _shares_of(self, dilemma)

    def share_draws(self, dilemmas: Sequence[Dilemma]) -> NDArray[np.floating]:
        """Return shares of K answers to n dilemmas under resampled people, shape (draws, n, K).

        A draw has the same people in all dilemmas. Two kinds of shares are exceptions, whose
        dilemmas are drawn independently: counts without a table of draws, and published shares.
        """
        return self.source.draws(dilemmas)

    def counts(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return people's counted answers, shape (n, K); NaN if shares do not come from counts."""
        if isinstance(self.source, ListedShares):
            return self.source.people(dilemmas)
        return np.full(self.shares(dilemmas).shape, np.nan)

    def asked(self, dilemmas: Sequence[Dilemma]) -> Floats | None:
        """Return how many people answered each dilemma, shape (n,).

        None if this number is unknown for a dilemma, as with shares from a model.
        """
        people: Floats = self.counts(dilemmas).sum(axis=1)
        return None if np.isnan(people).any() else people

    def closeness(self, dilemmas: Sequence[Dilemma]) -> Floats:
        """Return |Δu| of each dilemma, shape (n,); NaN where unknown.

        |Δu| is the absolute difference of utility between the patients, in logits of the people who
        answered in forced choice.
        """
        if isinstance(self.source, ProfileShares):
            return np.abs(self.source.utility(dilemmas))
        result: Floats = np.abs(differences(self.study, dilemmas) @ self.strict_weights)
        return result

    def flip_rate(self, dilemmas: Sequence[Dilemma]) -> float:
        """Return people's mean coin rate on dilemmas; NaN without a coin or without dilemmas."""
        shares = self.shares(dilemmas)
        return float(shares[:, 2].mean()) if shares.shape[1] == 3 and len(shares) else np.nan


# A respondent, both orders and the scorer ask for the same dilemma.
@lru_cache(maxsize=4096)
def _shares_of(reference: Reference, dilemma: Dilemma) -> tuple[float, ...]:
    return tuple(reference.shares([dilemma])[0].tolist())


def reference_errors(study: Study | None, folder: Path) -> list[UserError]:
    """Return the errors in a folder of tables, at most one for each table; empty without tables.

    If each table is valid and a study is given, the errors are those in how the tables fit the
    study and each other, at most one for each condition.
    """
    checks: list[Callable[[], object]] = [partial(read_rows, folder, table) for table in TABLES]
    checks += [partial(read_draws, folder, condition) for condition in CONDITIONS]
    if scored_tables(folder):
        checks.append(partial(read_json, folder / "reference.json", About))
    together = [partial(_read, study, condition, folder) for condition in CONDITIONS if study]
    return errors_of(checks) or errors_of(together)


_CACHE: dict[tuple[object, ...], Reference] = {}


def load_reference(study: Study, condition: Condition) -> Reference:
    """Return the human reference of a study and condition.

    Shipped tables are read once; tables of a user's folder are read again if they have changed.

    Raises:
        UserError: A table is invalid, or does not fit the study or another table.
    """
    folder = study.path / REFERENCE_FOLDER
    own = study.source not in study_names()
    # Simulated respondents load the reference for every sample, so shipped files are not looked up.
    key = (study.path, study.hash, tuple(map(stamp, scored_tables(folder))) if own else ())
    if (condition, *key) not in _CACHE:
        # Read all tables of a user's folder, so that no table is refused after a run has begun.
        for table in TABLES if own else ():
            read_rows(folder, table)
        for one in CONDITIONS if own else (condition,):
            _CACHE[one, *key] = _read(study, one, folder)
    return _CACHE[condition, *key]


def _read(study: Study, condition: Condition, folder: Path) -> Reference:
    files = scored_tables(folder)
    about = read_json(folder / "reference.json", About) if files else About(version="")
    digest = hashlib.sha256()
    for path in files:
        # Line ends are normalised, so that a checkout on Windows has the same hash.
        content = without_bom(read_bytes(path, MAX_TABLE_BYTES))
        digest.update(path.name.encode() + b"\0" + content + b"\0")
    tables = _Parts(study, condition)
    tables.check()
    names, spans = study.attribute_ids, np.array(study.spans)
    weights = tables.vector("logit", names)
    strict = tables if condition == "forced_choice" else _Parts(study, "forced_choice")
    strict_weights = strict.vector("logit", names)
    source = tables.source(strict_weights)
    return Reference(
        study=study,
        condition=condition,
        version=about.version,
        sha256=digest.hexdigest(),
        has_people=not isinstance(source, ListedShares) or bool(source.counts),
        people=int(about.people.get(condition, study.people[condition])),
        weights=weights,
        importance=importance_shares(weights, spans),
        importance_draws=importance_shares(tables.draw_matrix("logit", names), spans),
        strict_weights=strict_weights,
        slope=tables.estimates.get(("slope", "closeness"), np.nan),
        half_threshold=tables.estimates.get(("half_threshold", "closeness"), np.nan),
        distances=tables.distances(),
        latent=tables.latent(),
        source=source,
        persons={row.quantity: row.band for row in tables.rows(PersonRow)},
        margins={row.quantity: row.margin for row in tables.rows(MarginRow)},
        crowd={row.quantity: row.quantity_of(row.value) for row in tables.rows(CrowdRow)},
    )


class _Parts(ReferenceTables):
    """The tables of a condition as the parts of a reference."""

    @property
    def answers(self) -> tuple[str, ...]:
        return CHOICES[: 2 if self.condition == "forced_choice" else 3]

    @cached_property
    def models(self) -> dict[str, tuple[str, ...]]:
        """The parameters that the models of shares may have."""
        none = np.zeros((1, len(self.study.attributes)))
        models = {"shares": (*choice_features(self.study, none, none), LAPSE)}
        if self.condition == "coin_flip":
            features = flip_features(self.study, none, none, none[0])
            people = people_parameters(self.study.attribute_ids)
            models["flip"] = (*features, *PEOPLE_TERMS, *people)
        return models

    @cached_property
    def estimates(self) -> dict[tuple[str, str], float]:
        return {(row.model, row.parameter): row.estimate for row in self.rows(ModelRow)}

    @cached_property
    def draws(self) -> dict[str, Floats]:
        return read_draws(self.folder, self.condition)

    def parameters(self, model: str) -> Parameters:
        """Return the parameters of a model of shares; terms without a parameter have no effect."""
        names = tuple(name for of, name in self.estimates if of == model)
        return Parameters(names, self.vector(model, names), self.draw_matrix(model, names))

    @property
    def has_models(self) -> bool:
        return any(model == "shares" for model, _ in self.estimates)

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
        if self.has_models:
            fitted = {of for of, _ in self.estimates}
            self._need(ModelRow.file, "lacks the model", self.models, fitted)
            for model, terms in self.models.items():
                named = self.parameters(model).parameters
                self._need(ModelRow.file, f"has unknown terms of the model {model}:", named, terms)
            flip = {name for of, name in self.estimates if of == "flip"}
            people = (*PEOPLE_TERMS, *people_parameters(self.study.attribute_ids))
            if flip & {*people}:
                self._need(ModelRow.file, "lacks terms of the model flip:", people, flip)
            if self.parameters("shares").parameters == (LAPSE,):
                raise UserError(f"{self.folder / ModelRow.file}: the model shares has a lapse only")
            if not 0 <= self.estimates.get(("shares", LAPSE), 0.0) <= 1:
                raise UserError(f"{self.folder / ModelRow.file}: lapse must be from 0 to 1")
        for row in self.rows(CovarianceRow):
            if known := [name for of, name in self.estimates if of == row.model]:
                self._need(row.file, "models.csv lacks", (row.row, row.column), known)
        if self.study.draw is None:
            ids = [dilemma.id for dilemma in self.study.listed]
            published = [row.dilemma for row in self.rows(ShareRow)]
            for file, listed in ((CountRow.file, counted), (ShareRow.file, published)):
                self._need(file, "the study has no dilemma", listed, ids)
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
        ends = dict.fromkeys(names, np.inf) | {f"shares.{LAPSE}": 1}
        for name in filter(self.draws.__contains__, ends):
            if self.draws[name].min() < 0 or self.draws[name].max() > ends[name]:
                allowed = "0 to 1" if name == f"shares.{LAPSE}" else "0 up"
                raise UserError(f"{self.folder / file}: column {name} must be from {allowed}")
        for columns in filter(None, counts):
            if not np.any([self.draws[name] for name in columns], axis=0).all():
                dilemma = columns[0].removesuffix(".first")
                raise UserError(f"{self.folder / file}: {dilemma} has a draw of no answer")

    def _need(self, table: str, what: str, wanted: Iterable[str], there: Container[str]) -> None:
        if missing := [name for name in dict.fromkeys(wanted) if name not in there]:
            raise UserError(f"{self.folder / table}: {what} {', '.join(map(shown, missing[:10]))}")

    def source(self, strict: Floats) -> ShareSource:
        """Return the source of shares, from the first table that exists."""
        if self.has_models:
            choice, *flip = map(self.parameters, self.models)
            return ModelShares(self.study, choice, strict, *flip)
        counts = self.rows(CountRow)
        if not counts and (profiles := self.rows(ProfileRow)):
            scores = {row.values(self.study.attribute_ids): row.score for row in profiles}
            if len(scores) < len(profiles):
                raise UserError(f"{self.folder / ProfileRow.file} has two scores for one patient")
            return ProfileShares(scores)
        if not counts and (shares := self.rows(ShareRow)):
            return published_shares(
                first={row.dilemma: row.first for row in shares},
                effective={row.dilemma: row.effective for row in shares},
            )
        numbers = {row.dilemma: np.array(row.counts, dtype=np.float64) for row in counts}
        drawn = {
            name: np.column_stack([self.draws[column] for column in columns])
            for name in numbers
            if (columns := self.count_columns(name))
        }
        count_draws = drawn or counted_draws(numbers)
        return ListedShares(numbers, count_draws, answers=len(self.answers))

    def latent(self) -> LatentModel | None:
        """Return the latent classes that the table marks as used; None without classes."""
        rows = [row for row in self.rows(LatentRow) if row.used == "1"]
        if not rows:
            return None
        shares = np.array([row.share for row in rows])
        return LatentModel(
            shares=shares / shares.sum(),
            weights=np.array([row.values(self.study.attribute_ids) for row in rows]),
            flip_intercept=np.array([row.flip_intercept for row in rows]),
            flip_slope=np.array([row.flip_slope for row in rows]),
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
