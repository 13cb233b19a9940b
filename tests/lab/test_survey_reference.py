"""The reference built from a survey: which people count, and what it says about the truth."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from kidney_evals.card import people_in_words
from kidney_evals.errors import UserError
from kidney_evals.human.raw import COIN
from kidney_evals.human.reference import load_reference
from kidney_evals.human.sources import ModelShares, Parameters, patient_values
from kidney_evals.lab.drawn_models import (
    Group,
    flip_model,
    interval,
    logit_model,
    people_weights,
    person_counts,
    person_weights,
)
from kidney_evals.lab.persons import fit_spreads
from kidney_evals.lab.survey_reference import build_from_survey
from kidney_evals.studies import (
    CHOICES,
    CONDITIONS,
    Condition,
    Study,
    datasets_dir,
    dilemmas_of,
    load_study,
)
from kidney_evals.survey.interview import plan_interview
from kidney_evals.survey.settings import COLUMNS, own_settings
from study_folders import SCHOLARSHIP
from survey.people import Truth, population
from survey.truth import check_crowd, mean_error

FIXED = datasets_dir() / "mcelfresh_2021_fixed"


def folder_of(source: Path, place: Path) -> Study:
    """Return a copy of a study without its reference."""
    shutil.copytree(source, place, ignore=shutil.ignore_patterns("reference"))
    return load_study(place)


def rows_of(study: Study, truth: Truth, people: int) -> pd.DataFrame:
    """Return the rows of an export: people in both conditions by turns, who all finish."""
    settings, rows = own_settings(study, "I agree."), []
    for number, person in enumerate(population(truth, people)):
        condition: Condition = CONDITIONS[number % 2]
        for item in plan_interview(study, settings, person.seed):
            answer = person.answer(study, item.dilemma, condition, item.position)
            about = (study.id, study.hash, f"p{number:04}", condition, "en", item.position)
            rows.append((*about, item.dilemma.id, item.order, int(item.repeat), answer, 1))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(str)


# Two children outweigh 1.6 decades of age, three drinks 1.8 of them.
FIXED_TRUTH = Truth((0.5, 0.3, 0.4), (0.3, 0.2, 0.3), coin=-0.5, closeness=0.8)


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, pd.DataFrame, Path]:
    """A fixed list with a reference built from the rows of 80 people; the rows; and their file."""
    place = tmp_path_factory.mktemp("survey")
    study = folder_of(FIXED, place / "mine")
    rows = rows_of(study, FIXED_TRUTH, 80)
    rows.loc[rows["person"] == "p0000", "complete"] = "0"
    number = rows["person"].str[1:].astype(int)
    region = np.where(number < 6, "islands", np.where(number % 2 == 0, "north", "south"))
    path = place / "rows.csv"
    rows.assign(region=region, sent_to="mail-" + rows["person"]).to_csv(path, index=False)
    build_from_survey(path, study)
    return study, rows, path


def first_answers(rows: pd.DataFrame, condition: str) -> pd.DataFrame:
    """Return the first answers of finished people to the dilemmas of a condition."""
    finished = (rows["complete"] == "1") & (rows["repeat"] == "0")
    listed = rows["dilemma"].str.startswith("q")
    return rows[finished & listed & (rows["condition"] == condition)]


@pytest.mark.slow
def test_a_fixed_list_has_peoples_counts(fixed: tuple[Study, pd.DataFrame, Path]) -> None:
    study, rows, _ = fixed
    for condition, people in (("forced_choice", 39), ("coin_flip", 40)):
        reference = load_reference(study, condition)  # type: ignore[arg-type]
        assert reference.people == people
        assert people_in_words(reference) == f"counts of {people} people's answers"
        own, counts = first_answers(rows, condition), reference.counts(study.listed)
        counted = pd.crosstab(own["dilemma"], own["answer"])
        counted = counted.loc[[one.id for one in study.listed], list(CHOICES[: counts.shape[1]])]
        assert counted.to_numpy().tolist() == counts.tolist()
        # The importance shares are of the logit of the same answers.
        assert np.abs(reference.importance).sum() == pytest.approx(1)
        assert reference.importance_draws.shape == (300, 3)
        assert reference.person("swap_diff").median > 0


@pytest.mark.slow
def test_the_card_says_who_was_asked_and_left_out(fixed: tuple[Study, pd.DataFrame, Path]) -> None:
    folder = fixed[0].path / "reference"
    card = (folder / "README.md").read_text()
    # 40 people began in each condition; 39 · 14 answers remain without the one who left.
    assert "| forced_choice | 40 | 1 | 0 | 39 | 546 |" in card
    assert "| coin_flip | 40 | 0 | 0 | 40 | 560 |" in card
    # p0001 to p0005 said "islands": five people, shown; without p0000 who left.
    assert "islands 5" in card and "Options with fewer than 5 people are merged" in card
    # A column of the owner's with another text for each person shows none of the texts.
    assert "**sent_to**: other options 79." in card and "mail-" not in card
    # Each condition has a line of its own, and each heading is a paragraph.
    assert card.count("\n- forced_choice: ") == card.count("\n- coin_flip: ") == 1
    assert card.count("\n\n## ") == card.count("## ") == 3
    about = json.loads((folder / "reference.json").read_text())
    assert about["people"] == {"forced_choice": 39, "coin_flip": 40}


@pytest.mark.slow
def test_the_draws_give_away_no_person(fixed: tuple[Study, pd.DataFrame, Path]) -> None:
    """Draws are samples times answers: with known samples, least squares returns the answers."""
    study, rows, _ = fixed
    table = pd.read_csv(study.path / "reference" / "draws_coin_flip.csv")
    counts = table.filter(regex=r"^q\d+\.")
    own = first_answers(rows, "coin_flip")
    answers = pd.crosstab(own["person"], own["dilemma"] + "." + own["answer"])
    answers = answers.reindex(columns=counts.columns, fill_value=0)
    # Every seed in the source of the published tables.
    for seed in (20210, 20211, 20212, 20213):
        samples = person_counts(seed, len(answers))
        known = np.linalg.lstsq(samples, samples @ answers.to_numpy(), rcond=None)[0]
        assert (known.round() == answers).to_numpy().all()
        found = np.linalg.lstsq(samples, counts.to_numpy(), rcond=None)[0]
        assert np.abs(samples @ found - counts.to_numpy()).max() > 1


def test_answers_in_the_folder_of_tables_are_refused_and_kept(tmp_path: Path) -> None:
    study = folder_of(FIXED, tmp_path / "mine")
    path = study.path / "reference" / "answers.csv"
    path.parent.mkdir()
    rows_of(study, FIXED_TRUTH, 2).to_csv(path, index=False)
    with pytest.raises(UserError, match="holds aggregates only: move it elsewhere"):
        build_from_survey(path, study, overwrite=True)
    assert path.exists()


@pytest.mark.slow
def test_tables_are_replaced_only_when_told(fixed: tuple[Study, pd.DataFrame, Path]) -> None:
    study, _, path = fixed
    before = (study.path / "reference" / "counts.csv").read_bytes()
    with pytest.raises(UserError, match="--overwrite"):
        build_from_survey(path, study)
    assert (study.path / "reference" / "counts.csv").read_bytes() == before
    with pytest.raises(UserError, match="is shipped; name the folder of your own"):
        build_from_survey(path, load_study("mcelfresh_2021_fixed"))


Change = Callable[[pd.DataFrame], pd.DataFrame]


def cell(column: str, value: str, line: int = 0) -> Change:
    return lambda rows: rows.assign(**{column: rows[column].where(rows.index != line, value)})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (cell("study", "other"), "line 2, study must be mcelfresh_2021_fixed, not 'other'"),
        (cell("study_hash", "00"), "line 2, study_hash must be"),
        (cell("condition", "coin"), "line 2, condition must be 'forced_choice' or 'coin_flip'"),
        (cell("position", "-1"), "line 2, position must be at least 0"),
        (cell("dilemma", "q99", 3), "line 5, dilemma must be a dilemma of the study, not 'q99'"),
        (cell("answer", "coin"), "line 2, answer must not be coin"),
        (cell("answer", "=1+1"), "line 2, answer must be 'first', 'second' or 'coin', not '=1+1'"),
        (lambda rows: pd.concat([rows, rows[:1]]), "position repeats a position of the person"),
        (cell("person", "p0001"), "condition must be the same for all rows of a person"),
        (lambda rows: rows[:0], "has no answer"),
        (lambda rows: rows[:300], "at least 30 are needed"),
        (lambda rows: rows[["person", "answer"]], "lacks the columns study, study_hash, condition"),
    ],
)
def test_rows_that_are_no_export_are_refused(change: Change, says: str, tmp_path: Path) -> None:
    study = folder_of(FIXED, tmp_path / "mine")
    change(rows_of(study, FIXED_TRUTH, 30)).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(UserError) as caught:
        build_from_survey(tmp_path / "rows.csv", study)
    assert says in str(caught.value) and "\n" not in str(caught.value)
    assert not (study.path / "reference").exists()


@pytest.mark.slow
def test_a_drawn_study_covers_the_truth_and_the_crowd_meets_it(tmp_path: Path) -> None:
    study = folder_of(SCHOLARSHIP, tmp_path / "scholarship")
    spans = np.array(study.spans)
    mean = 2.5 / spans * np.array([1.2, 0.9, 0.6])
    # Nobody answers at random: those who do and pass the controls belong to the reference.
    truth = Truth(tuple(mean), tuple(mean / 2), coin=-0.3, closeness=0.9)
    rows_of(study, truth, 240).to_csv(tmp_path / "rows.csv", index=False)
    build_from_survey(tmp_path / "rows.csv", study)
    card = (study.path / "reference" / "README.md").read_text()
    everybody = population(truth, 2000, seed=1)
    for condition in CONDITIONS:
        reference = load_reference(study, condition)
        assert 115 < reference.people <= 120 and f"| {condition} | 120 | 0 |" in card
        # Twice what is expected.
        assert mean_error(reference, everybody) < 1.6
        check_crowd(reference)


@pytest.mark.parametrize("people", [30, 90])
def test_random_weights_are_as_wide_as_students_intervals(people: int) -> None:
    values = np.random.default_rng(people).normal(size=people)
    draws = np.hstack([person_weights(people, seed, 0) @ values for seed in range(99)]) / people
    # t·s/√n beside z times the standard deviation over draws, whose own error is about .4 %.
    student = t(people - 1).ppf(0.975) * values.std(ddof=1) / np.sqrt(people)
    assert norm.ppf(0.975) * draws.std() == pytest.approx(student, rel=0.012)


def group_of(truth: Truth, study: Study, condition: Condition, seed: int, weights: int) -> Group:
    """Return the answers of 90 people to 20 dilemmas each."""
    dilemmas, generator = dilemmas_of(study, None, None), np.random.default_rng(seed)
    places = [generator.choice(len(dilemmas), 20, replace=False) for _ in range(90)]
    choice = [
        CHOICES.index(person.answer(study, dilemmas[place], condition))
        for person, own in zip(population(truth, 90, seed), places, strict=True)
        for place in own
    ]
    sides = patient_values(study, [dilemmas[place] for place in np.concatenate(places)])
    persons, counts = np.repeat(np.arange(90), 20), person_weights(90, weights, 0)
    return Group(study, condition, *sides, np.array(choice), persons, 90, counts)


@pytest.mark.slow
def test_intervals_of_the_coin_cover_people_who_differ() -> None:
    study = load_study("mcelfresh_2021")
    truth = Truth(weights=(0.6, 0.5, 0.9), spread=(0.3, 0.3, 0.3), coin=0.5)
    everybody, dilemmas = population(truth, 1500, seed=99), dilemmas_of(study, None, None)
    coins = [
        [one.probabilities(study, each, "coin_flip")[2] for each in dilemmas] for one in everybody
    ]
    true, covered = np.mean(coins, axis=0), []
    for seed in range(1, 9):
        strict, offered = (
            group_of(truth, study, condition, 2 * seed + place, seed)
            for place, condition in enumerate(CONDITIONS)
        )
        answered = strict.x, strict.choice, strict.person
        (fit,) = fit_spreads("forced_choice", *answered, published=False)
        logit = logit_model(strict)
        # The logit without its effect of the position.
        choice = Parameters(logit.parameters[:-1], logit.estimate[:-1], logit.draws[:, :-1])
        people = people_weights(study, fit, seed)
        flip = flip_model(offered, choice.estimate, offered.counts, people)
        # Only the coin is compared, so that the model of the decided answers plays no part.
        shares = ModelShares(study, choice, choice.estimate, flip)
        low, high = interval(np.array(shares.draws(dilemmas)[..., COIN], np.float64))
        covered.append(((low <= true) & (true <= high)).mean())
    # .95 in 40 other surveys, with a standard deviation of .06 between surveys; .81 by the
    # closeness with one weight for everybody.
    assert np.mean(covered) > 0.95 - 3 * 0.06 / np.sqrt(8)
