"""From 200 people who answer a survey to a run that is scored against them.

180 people answer over HTTP at the same time, with dropped connections and a server that is killed,
and 20 in Chromium without JavaScript, where it is installed. Their answers are exported and become
a reference.
"""

import math
import shutil
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from inspect_ai.log import list_eval_logs, read_eval_log

from cli.calling import inspect, printed
from kidney_evals.human.reference import load_reference
from kidney_evals.reporting import rows_of
from kidney_evals.studies import CONDITIONS, Condition, Study, load_study
from kidney_evals.survey.settings import load_survey
from kidney_evals.survey.store import Store
from survey.folders import DRAWN, study_with
from survey.interviews import answer_at_once, known_to_the_store
from survey.people import Interviewee, Truth, population
from survey.serving import serving
from survey.surfing import surfer
from survey.truth import NOT_COMPARED, check_crowd, farther_draws, mean_error
from viewer.required import has_browser

SETTINGS = """\
consent: These people are simulated.
questions: 20
controls: 2
repeats: 2
"""

QUESTIONS = 24
OVER_HTTP, IN_A_BROWSER = 180, 20

TRUTH = Truth(weights=(0.6, 0.5, 0.9), spread=(0.3, 0.3, 0.3), coin=0.5)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@dataclass
class Answered:
    """A finished survey: the study's folder, the store, and the people."""

    study: Study
    store: str
    people: Sequence[Interviewee]


@pytest.fixture(scope="module")
def answered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Answered:
    place = tmp_path_factory.mktemp("survey")
    study = study_with(place, SETTINGS, DRAWN)
    shutil.rmtree(study.path / "reference")
    browser: Any = request.getfixturevalue("browser") if has_browser() else None
    people = population(TRUTH, OVER_HTTP + (IN_A_BROWSER if browser else 0))
    with serving(study.path, place / "server", "--proxy", "1") as server:
        interviews = answer_at_once(study, server, people[:OVER_HTTP], QUESTIONS, kills=3)
        surfers = [surfer(browser, study, one, scripts=False) for one in people[OVER_HTTP:]]
        # All of them at once: one step of each person after the other.
        running = [one.steps(server.address) for one in surfers]
        while running:
            running = [steps for steps in running if next(steps, None) is not None]
        assert server.stop() in (0, -signal.SIGTERM)
    return Answered(study, server.store, [*interviews, *surfers])


@pytest.fixture(scope="module")
def built(answered: Answered) -> Study:
    """The study with the reference that the commands make from the store."""
    rows = answered.study.path.parent / "rows.csv"
    printed(
        "survey", "export", str(answered.study.path), "--store", answered.store, "-o", str(rows)
    )
    printed("reference", "build", "--survey", str(rows), "--study", str(answered.study.path))
    return load_study(answered.study.path)


def test_no_answer_of_200_people_is_lost_or_doubled(answered: Answered) -> None:
    store = Store(answered.store, answered.study, load_survey(answered.study), create=False)
    rows = list(store.rows())
    assert len(rows) == len(answered.people) * QUESTIONS
    known = Counter(one.known for one in answered.people)
    assert known_to_the_store(answered.study, rows) == known
    assert sum(counts.finished for counts in store.counts().values()) == len(answered.people)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_reference_covers_the_truth(
    condition: Condition, answered: Answered, built: Study
) -> None:
    reference = load_reference(built, condition)
    # Half of the people, less the few who failed both controls.
    assert len(answered.people) / 2 - 5 < reference.people <= len(answered.people) / 2
    everybody = population(TRUTH, 2000, seed=1)
    assert mean_error(reference, everybody) < 1.6
    # Inside the region of all 300 draws; the survey is another one in each run of this test.
    assert farther_draws(reference, everybody) > 0
    check_crowd(reference)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_run_of_these_people_meets_their_column(
    condition: Condition, built: Study, tmp_path: Path
) -> None:
    arguments = ("--model", "kidney/human", "--display", "none", "--log-dir", "logs")
    done = inspect(
        *("eval", f"kidney_evals/{condition}", *arguments),
        *("-T", f"study={built.path}", "-T", "dilemmas=60"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    rows = {
        id: row
        for id, row in rows_of(read_eval_log(info)).items()
        if id not in NOT_COMPARED and math.isfinite(row.human + row.low + row.high)
    }
    assert len(rows) >= 10
    outside = {id: row for id, row in rows.items() if not row.low <= row.human <= row.high}
    # One interval in twenty misses; twice a normal one misses 1 time in 10,000.
    assert len(outside) <= 3, outside
    for row in outside.values():
        half = row.high - row.value if row.human > row.value else row.value - row.low
        assert abs(row.human - row.value) <= 2 * half, outside
