"""Many people at once, dropped connections and a killed server: no answer is lost or doubled.

`test_web_reference.py` has many more people, and what their answers become.
"""

import signal
from pathlib import Path

from kidney_evals.survey.settings import load_survey
from kidney_evals.survey.store import Store
from survey.folders import DRAWN, study_with
from survey.interviews import answer_at_once, known_to_people, known_to_the_store
from survey.people import Truth, population
from survey.serving import serving

SETTINGS = """\
consent: These people are simulated.
questions: 8
controls: 2
repeats: 2
"""

QUESTIONS, PEOPLE = 12, 12

TRUTH = Truth(weights=(0.6, 0.5, 0.9), spread=(0.3, 0.3, 0.3), coin=0.5)


def test_no_answer_is_lost_or_doubled(tmp_path: Path) -> None:
    study = study_with(tmp_path, SETTINGS, DRAWN)
    with serving(study.path, tmp_path / "server", "--proxy", "1") as server:
        interviews = answer_at_once(study, server, population(TRUTH, PEOPLE), QUESTIONS, kills=1)
        assert server.stop() in (0, -signal.SIGTERM)
    store = Store(server.store, study, load_survey(study), create=False)
    rows = list(store.rows())
    assert len(rows) == PEOPLE * QUESTIONS
    assert known_to_the_store(study, rows) == known_to_people(
        (one.condition, one.chosen) for one in interviews
    )
    assert sum(counts.finished for counts in store.counts().values()) == PEOPLE
