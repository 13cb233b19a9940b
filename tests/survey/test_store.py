"""The store, on SQLite and on a PostgreSQL server: nothing lost, nothing doubled, nothing more."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from cli.calling import line_of
from kidney_evals.errors import UserError
from kidney_evals.studies import CHOICES, CONDITIONS, Choice, load_study
from kidney_evals.survey.settings import load_survey, own_settings
from kidney_evals.survey.store import Counts, Store, StoreError, readable_code
from survey.databases import Postgres
from survey.folders import ASK, DRAWN, FIXED, answer_all, study_with

T = TypeVar("T")

STUDY = load_study(FIXED)
SETTINGS = own_settings(STUDY, "yes")
ITEMS = 16  # 14 dilemmas and 2 repeats, no controls
THREADS = 8


def opened(url: str) -> Store:
    return Store(url, STUDY, SETTINGS)


def engine_of(url: str) -> Engine:
    return create_engine(url if "://" in url else f"sqlite:///{url}")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    with ThreadPoolExecutor(THREADS) as threads:
        return [one.result() for one in [threads.submit(call) for call in calls]]


# --- a person ---------------------------------------------------------------------------------


def test_a_person_answers_goes_on_and_finishes(url: str) -> None:
    store = opened(url)
    person = store.begin("en", "coin_flip")
    assert store.answers(person) == {}
    given: list[tuple[int, Choice]] = [(0, "first"), (1, "coin"), (0, "second"), (1, "coin")]
    for position, answer in given:
        store.record(person, position, answer)
    assert "14 questions are not answered" in line_of(store.finish, person)
    # In another process, by the code as a person may type it.
    again = opened(url)
    typed = readable_code(person.code).upper().replace("0", "O").replace("1", "l")
    found = again.participant(f" {typed} ")
    assert found == person
    assert again.plan(found) == store.plan(person)
    assert again.answers(found) == {0: "second", 1: "coin"}
    for position in range(2, ITEMS):
        again.record(found, position, "first")
    again.finish(found)
    again.finish(found)
    done = store.participant(person.code)
    assert done == replace(person, finished=True)
    # A request that comes again changes nothing; a changed mind comes too late.
    store.record(person, 0, "second")
    assert "can no longer be changed" in line_of(store.record, person, 0, "first")
    assert store.answers(person)[0] == "second"


def test_unknown_codes_are_nobody(url: str) -> None:
    store = opened(url)
    person = store.begin("en")
    near = (person.code[:-1], person.code + "0", person.key)
    for code in ("", "x", *near, "' OR 1=1 --", "é" * 999):
        assert store.participant(code) is None
    assert len(person.code) == 16 and readable_code(person.code).count("-") == 3


def test_wrong_answers_are_refused(tmp_path: Path) -> None:
    store = opened(str(tmp_path / "survey.db"))
    person = store.begin("en", "forced_choice")
    wrong: list[tuple[int, Any, str]] = [
        (16, "first", "questions 0 to 15, not 16"),
        (-1, "first", "questions 0 to 15, not -1"),
        (True, "first", "questions 0 to 15, not True"),
        (0, "coin", "unknown answer 'coin'; allowed: first, second"),
        (0, "a", "unknown answer 'a'"),
    ]
    for position, answer, message in wrong:
        assert message in line_of(store.record, person, position, answer)
    assert store.answers(person) == {}


def test_questions_about_the_person(url: str, tmp_path: Path) -> None:
    study = study_with(tmp_path, "consent: I\n" + ASK)
    store = Store(url, study, load_survey(study))
    person = store.begin("en")
    for option in ("18 to 39", "40 or older", "40 or older"):
        store.record_asked(person, "age_group", option)
    assert store.asked(person) == {"age_group": "40 or older"}
    for id, option in (("age_group", "=1+1"), ("name", "X")):
        with pytest.raises(UserError, match=r"allowed: (18 to 39|age_group)"):
            store.record_asked(person, id, option)
    for item in store.plan(person):
        store.record(person, item.position, "first")
    store.finish(person)
    store.record_asked(person, "age_group", "40 or older")
    assert "no longer be changed" in line_of(store.record_asked, person, "age_group", "18 to 39")
    assert {row.asked["age_group"] for row in store.rows()} == {"40 or older"}


def test_wrong_groups_are_refused(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"conditions": ("coin_flip",)})
    store = Store(str(tmp_path / "survey.db"), STUDY, settings)
    assert "unknown language of the survey 'de'; allowed: en" in line_of(store.begin, "de")
    assert "allowed: coin_flip" in line_of(store.begin, "en", "forced_choice")
    assert store.begin("en").condition == "coin_flip"


# --- what is stored ---------------------------------------------------------------------------


def test_nothing_else_is_stored(url: str) -> None:
    store = opened(url)
    person = answer_all(store, lambda item: "coin")
    engine = engine_of(url)
    tables = inspect(engine)
    columns = {
        name: {column["name"] for column in tables.get_columns(name)}
        for name in tables.get_table_names()
    }
    assert columns == {
        "survey_meta": {"name", "value"},
        "survey_participants": {"participant", "condition", "language", "seed", "finished"},
        "survey_answers": {"participant", "position", "dilemma", "order", "repeat", "answer"},
        "survey_asked": {"participant", "question", "option"},
    }
    with engine.connect() as connection:
        (key,) = connection.execute(text("SELECT participant FROM survey_participants")).one()
    engine.dispose()
    # The code itself is nowhere: who reads the database cannot go on as the person.
    assert key == person.key and person.code not in key and person.code not in repr(person)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    store = opened(str(tmp_path / "survey.db"))
    store.begin("en")
    files = [*tmp_path.iterdir()]
    assert len(files) > 1  # the log beside the file too
    assert [one.stat().st_mode & 0o077 for one in files] == [0] * len(files)


def test_withdrawing_deletes_everything_also_from_the_file(url: str) -> None:
    store = opened(url)
    leaving, staying = (answer_all(store, lambda item: "first") for _ in range(2))
    store.withdraw(leaving)
    store.withdraw(leaving)
    assert store.participant(leaving.code) is None and store.participant(staying.code)
    assert store.counts()["coin_flip"].answers == len(list(store.rows())) == ITEMS
    assert "nobody with this code" in line_of(store.record, leaving, 0, "first")
    assert "nobody with this code" in line_of(store.finish, leaving)
    if store.file:
        files = store.file.parent.glob("survey.db*")
        bytes_of = b"".join(path.read_bytes() for path in files)
        assert leaving.key.encode() not in bytes_of and staying.key.encode() in bytes_of


# --- results ----------------------------------------------------------------------------------


def test_rows_have_a_new_person_code_each_time(url: str) -> None:
    store = opened(url)
    people = [answer_all(store, lambda item: "second", "forced_choice") for _ in range(3)]
    half = store.begin("en", "coin_flip")
    store.record(half, 3, "coin")
    store.begin("en", "coin_flip")
    first, second = list(store.rows()), list(store.rows())
    assert len(first) == len(second) == 3 * ITEMS + 1
    assert not {row.person for row in first} & {row.person for row in second}
    assert [row.person for row in first] == sorted(row.person for row in first)
    assert Counter(row.complete for row in first) == {True: 3 * ITEMS, False: 1}
    (only,) = (row for row in first if not row.complete)
    item = store.plan(half)[3]
    shown = (only.position, only.dilemma, only.order, only.repeat, only.answer, only.condition)
    assert shown == (3, item.dilemma.id, item.order, False, "coin", "coin_flip")
    plans = [[item.dilemma.id for item in store.plan(person)] for person in people]
    persons = {row.person: None for row in first if row.complete}
    exported = [[row.dilemma for row in first if row.person == one] for one in persons]
    assert sorted(exported) == sorted(plans)
    counts = {"forced_choice": Counts(3, 3, 3 * ITEMS), "coin_flip": Counts(2, 0, 1)}
    assert store.counts() == counts


def test_shares_need_five_others_who_finished(url: str) -> None:
    store = opened(url)
    people = [answer_all(store, lambda item: "first") for _ in range(3)]
    people += [answer_all(store, lambda item: "coin" if item.repeat else "second") for _ in "12"]
    half = store.begin("en", "coin_flip")
    store.record(half, 0, "coin")
    answer_all(store, lambda item: "first", "forced_choice")
    # Five people finished with a coin: 3 first, 2 second; their repeats do not count.
    every = {dilemma.id: (3, 2, 0) for dilemma in STUDY.listed}
    assert store.shares("coin_flip") == store.shares("coin_flip", without=half) == every
    assert store.shares("coin_flip", without=people[0]) == {}
    assert store.shares("forced_choice") == {}


# --- many at once -----------------------------------------------------------------------------


def test_assignment_is_balanced_under_concurrency(url: str) -> None:
    stores = at_once([lambda: opened(url)] * THREADS)  # all make the tables at once
    people = at_once([partial(one.begin, "en") for one in stores for _ in range(5)])
    counts = Counter(person.condition for person in people)
    assert counts == dict.fromkeys(CONDITIONS, 20)
    assert len({person.code for person in people}) == len({one.seed for one in people}) == 40
    # Of each two people one is in each condition, at random: not always the same one first.
    pairs = [tuple(stores[0].begin("en").condition for _ in "12") for _ in range(20)]
    assert set(pairs) == {CONDITIONS, CONDITIONS[::-1]}


def test_repeated_and_concurrent_requests_store_one_answer(url: str) -> None:
    stores = [opened(url) for _ in range(THREADS)]
    person = stores[0].begin("en", "coin_flip")
    positions = [*range(ITEMS)] * 4
    random.Random(1).shuffle(positions)
    at_once(
        [
            partial(stores[index % THREADS].record, person, position, "coin")
            for index, position in enumerate(positions)
        ]
    )
    assert stores[0].answers(person) == dict.fromkeys(range(ITEMS), "coin")
    assert len(list(stores[0].rows())) == ITEMS
    # Different answers at once: one of them.
    answers = zip(stores, CHOICES * 3, strict=False)
    at_once([partial(store.record, person, 0, answer) for store, answer in answers])
    assert stores[0].answers(person)[0] in CHOICES and len(list(stores[0].rows())) == ITEMS


def test_nothing_is_left_of_a_person_who_withdraws_while_answering(url: str) -> None:
    stores = [opened(url) for _ in range(THREADS)]
    person = stores[0].begin("en", "coin_flip")

    def record(store: Store, position: int) -> str:
        try:
            store.record(person, position, "coin")
        except UserError as error:
            return str(error)
        return ""

    calls: list[Callable[[], object]] = [
        partial(record, stores[position % THREADS], position) for position in range(ITEMS)
    ]
    calls.insert(ITEMS // 2, partial(stores[0].withdraw, person))
    said = {str(one) for one in at_once(calls) if one}
    assert all("withdrew" in one for one in said)
    assert list(stores[0].rows()) == [] and stores[0].counts() == {}


# --- killed -----------------------------------------------------------------------------------


def killed_recording(url: str, lines: int) -> list[str]:
    """Store answers in a process, kill it after it printed some lines, return all it printed."""
    script = Path(__file__).with_name("recording.py")
    process = subprocess.Popen(
        [sys.executable, str(script), url, FIXED], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    # Somewhere in the middle of the next writes.
    time.sleep(random.Random(lines).random() / 50)
    os.kill(process.pid, signal.SIGKILL)
    said += process.stdout.readlines()
    process.wait()
    return [line.strip() for line in said if line.endswith("\n")]


def check_all_is_there(store: Store, said: Sequence[str]) -> None:
    """Compare the store with what a killed process printed: at most one write more."""
    codes = [index for index, line in enumerate(said) if len(line) == 16]
    ends = [*codes[1:], len(said)]
    for start, end in zip(codes, ends, strict=True):
        person = store.participant(said[start])
        assert person is not None
        positions = [int(line) for line in said[start + 1 : end] if line.isdigit()]
        stored = list(store.answers(person))
        last = end == len(said)
        assert stored[: len(positions)] == positions and len(stored) <= len(positions) + last
        assert person.finished == ("finished" in said[start:end]) or last


@pytest.mark.parametrize(
    "lengths", [(1, 20, 47), pytest.param(range(2, 41, 4), marks=pytest.mark.slow)]
)
def test_a_killed_process_loses_nothing_that_it_confirmed(lengths: Sequence[int], url: str) -> None:
    for lines in lengths:
        said = killed_recording(url, lines)
        assert len(said) >= lines
        check_all_is_there(opened(url), said)
    # Nobody but the last of each process is unfinished.
    store = opened(url)
    counts = store.counts()["forced_choice"]
    assert counts.begun - counts.finished <= len(lengths)
    assert len(list(store.rows())) == counts.answers >= counts.finished * ITEMS
    if "://" not in url:
        assert sqlite3.connect(url).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    answer_all(store, lambda item: "first", "forced_choice")


def test_a_server_that_crashes_and_comes_back_has_every_answer(postgres: Postgres) -> None:
    store = opened(postgres.empty_database())
    person = store.begin("en", "coin_flip")
    for position in range(8):
        store.record(person, position, "coin")
    postgres.stop("immediate")
    with pytest.raises(StoreError, match="cannot be used"):
        store.record(person, 8, "coin")
    postgres.start()
    # The same store goes on: dead connections are replaced.
    assert store.answers(person) == dict.fromkeys(range(8), "coin")
    store.record(person, 8, "coin")
    assert len(store.answers(person)) == 9


# --- other stores -----------------------------------------------------------------------------


def test_a_store_of_another_survey_is_refused(url: str, tmp_path: Path) -> None:
    first = opened(url).begin("en")
    drawn = load_study(DRAWN)
    fewer, once = (SETTINGS.model_copy(update=one) for one in ({"questions": 9}, {"repeats": 1}))
    path = study_with(tmp_path, "consent: I\n").path / "study.yaml"
    path.write_text(path.read_text("utf-8") + "# edited\n", encoding="utf-8")
    for message, study, settings in (
        (
            "study is mcelfresh_2021_fixed, here it is mcelfresh_2021",
            drawn,
            own_settings(drawn, ""),
        ),
        ("number of questions is 14, here it is 9", STUDY, fewer),
        ("number of repeats is 2, here it is 1", STUDY, once),
        ("study hash is a2d5617ce6fa, here it is", load_study(path.parent), SETTINGS),
    ):
        assert f"its {message}" in line_of(Store, url, study, settings)
    assert opened(url).counts() == {first.condition: Counts(1, 0, 0)}


def test_texts_and_conditions_can_change_and_the_version_of_the_store_cannot(url: str) -> None:
    opened(url).begin("en")
    changed = SETTINGS.model_copy(update={"conditions": ("coin_flip",), "thanks": {"": "Thanks"}})
    assert Store(url, STUDY, changed).begin("en").condition == "coin_flip"
    with engine_of(url).begin() as connection:
        connection.execute(text("UPDATE survey_meta SET value = '0' WHERE name = 'store version'"))
    assert "its store version is 0, here it is 1" in line_of(opened, url)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sqlite://", "must be a file: answers in memory are lost"),
        ("sqlite:///:memory:", "must be a file"),
        ("nonsense://me:secret@here/db", "must be a file, or an address such as"),
        ("postgresql+psycopg://me:secret@127.0.0.1:1/db", "cannot be used"),
        ("postgresql+psycopg://me:secret@here:port/db", "must be a file, or an address such as"),
        ("~nobody/survey.db", "cannot be used (unable to open database file)"),
        ("{}/nowhere/survey.db", "cannot be used (unable to open database file)"),
        ("{}/text.db", "cannot be used (file is not a database)"),
        ("{}/other.db", "holds other data; name another store"),
        ("{}", "cannot be used"),
    ],
)
def test_addresses_that_are_no_store(tmp_path: Path, address: str, message: str) -> None:
    (tmp_path / "text.db").write_text("not a database, but a text\n" * 99, encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE accounts (name)")
    before = (tmp_path / "other.db").read_bytes()
    line = line_of(opened, address.format(tmp_path))
    assert message in line and "secret" not in line
    assert (tmp_path / "other.db").read_bytes() == before


def test_a_store_is_made_only_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "survey.db"
    assert "there is no survey at" in line_of(Store, str(path), STUDY, SETTINGS, create=False)
    assert not path.exists()
    assert "there is no survey at" in line_of(Store, "x" * 300, STUDY, SETTINGS, create=False)
    path.touch()
    assert "holds no survey" in line_of(Store, str(path), STUDY, SETTINGS, create=False)
    assert path.stat().st_size == 0
    opened(f"sqlite:///{path}")
    assert Store(str(path), STUDY, SETTINGS, create=False).file == path
    shutil.rmtree(tmp_path)
