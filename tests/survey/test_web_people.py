"""Many people at once, dropped connections and a killed server: no answer is lost or doubled."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kidney_evals.survey.settings import load_survey
from kidney_evals.survey.store import Store
from survey.folders import DRAWN, study_with
from survey.interviews import Interview, known_to_people, known_to_the_store
from survey.people import Truth, population
from survey.serving import Server, Visitor, serving

SETTINGS = """\
consent: These people are simulated.
questions: 8
controls: 2
repeats: 2
"""

QUESTIONS = 12

TRUTH = Truth(weights=(0.6, 0.5, 0.9), spread=(0.3, 0.3, 0.3), coin=0.5)


def kill_and_restart(
    server: Server, interviews: Sequence[Interview], times: int, done: threading.Event
) -> int:
    """Kill the server some times, evenly over the interviews; return how often it was killed."""
    total = QUESTIONS * len(interviews)
    for killed in range(times):
        while sum(len(one.chosen) for one in interviews) < total * (killed + 1) / (times + 2):
            if done.wait(0.02):
                return killed
        server.stop(signal.SIGKILL)
        time.sleep(0.5)
        server.start()
    return times


@pytest.mark.parametrize(
    ("people", "kills"), [(12, 1), pytest.param(180, 3, marks=pytest.mark.slow)]
)
def test_no_answer_is_lost_or_doubled(people: int, kills: int, tmp_path: Path) -> None:
    study = study_with(tmp_path, SETTINGS, DRAWN)
    with serving(study.path, tmp_path / "server", "--proxy", "1") as server:
        interviews = [
            Interview(
                study,
                person,
                Visitor(server.address, {"x-forwarded-for": f"192.0.2.{number}"}),
                trouble=0.08,
            )
            for number, person in enumerate(population(TRUTH, people))
        ]
        done = threading.Event()
        with ThreadPoolExecutor(people + 1) as threads:
            killer = threads.submit(kill_and_restart, server, interviews, kills, done)
            running = [threads.submit(one.run) for one in interviews]
            try:
                for future in running:
                    future.result()
            finally:
                done.set()
                print(server.log)  # shown if somebody got no page
            killed = killer.result()
        assert server.stop() in (0, -signal.SIGTERM)
    assert killed == kills
    # The trouble was there: with a chance of .08 each at every question.
    for kind in ("lost", "doubled", "changed"):
        assert sum(getattr(one, kind) for one in interviews) > people / 4, kind

    store = Store(server.store, study, load_survey(study), create=False)
    rows = list(store.rows())
    assert len(rows) == people * QUESTIONS
    assert known_to_the_store(study, rows) == known_to_people(
        (one.condition, one.chosen) for one in interviews
    )
    begun = {condition: counts.finished for condition, counts in store.counts().items()}
    assert sum(begun.values()) == people
