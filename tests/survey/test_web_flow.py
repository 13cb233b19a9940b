"""The survey's pages over HTTP, as one person after another meets them."""

import re
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from cli.calling import refused
from kidney_evals.cli import main
from kidney_evals.studies import Condition, Study
from kidney_evals.survey.interview import question_of
from kidney_evals.survey.settings import load_survey
from kidney_evals.survey.store import Participant, Store
from kidney_evals.survey.web.app import SurveyApp
from survey.folders import DRAWN, FIXED, answer_all, study_with
from survey.serving import TOKEN, Form, Page, Server, Visitor, serving

SETTINGS = """\
title: {en: "Who should get it?", de: "Wer soll es bekommen?"}
consent:
  en: |
    First paragraph, with 1 < 2 & "quotes".

    Second paragraph.
  de: Erster Absatz.
contact: ethics@example.org
questions: 6
controls: 1
repeats: 1
languages: [en, de]
ask:
  - id: age_group
    label: {en: "How old are you?", de: "Wie alt sind Sie?"}
    options: [{en: under 30, de: unter 30}, {en: 30 or older, de: 30 oder mehr}]
  - id: card
    label: {en: "Do you hold a donor card?", de: "Haben Sie einen Ausweis?"}
    options: [{en: "Yes", de: Ja}, {en: "No", de: Nein}]
thanks: {en: Thanks for your time., de: Danke.}
"""

QUESTIONS = 8


def begun(server: Server, condition: Condition | None = None, path: str = "/") -> Visitor:
    """Return a person at the first question, in a condition; assignment is balanced."""
    for _ in range(3):
        visitor = Visitor(server.address)
        visitor.begin(path)
        assert visitor.path == "/person"
        visitor.post({})
        assert visitor.path == "/question/1"
        has_coin = "coin" in visitor.page.answers
        if condition is None or has_coin == (condition == "coin_flip"):
            return visitor
    raise AssertionError("assignment is not balanced")


def person_of(store: Store, visitor: Visitor) -> Participant:
    person = store.participant(visitor.session)
    assert person is not None
    return person


@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_every_question_is_shown_in_the_studys_words_and_stored_as_answered(
    condition: Condition, server: Server, store: Store, study: Study
) -> None:
    visitor = begun(server, condition)
    person = person_of(store, visitor)
    assert person.condition == condition and person.language == "en"
    offered = ["a", "b", *(["coin"] if condition == "coin_flip" else [])]
    expected = {}
    for number, item in enumerate(store.plan(person), start=1):
        page = visitor.page
        assert visitor.path == f"/question/{number}"
        assert f"Question {number} of {QUESTIONS}" in page.text
        assert ("This is the last question" in page.text) == (number == QUESTIONS)
        question = question_of(study, item, condition, "en")
        assert page.facts == [[row.a for row in question.rows], [row.b for row in question.rows]]
        for text in (question.situation, question.closing, question.question):
            assert " ".join(text.split()) in page.text
        assert page.answers == offered
        answer = offered[number % len(offered)]
        # Under the order ba the candidate who is listed second is shown as A.
        shown = ("first", "second") if item.order == "ab" else ("second", "first")
        expected[item.position] = {"a": shown[0], "b": shown[1], "coin": "coin"}[answer]
        visitor.post({"answer": answer})
    assert visitor.path == "/end"
    for text in (
        *("Thanks for your time.", "Your answers beside those of others"),
        # Six dilemmas of 200 for each person: no two people share enough of them.
        "the people of the study that this survey builds on",
        *("Age: for “25 years” rather than “70 years”", "Same answer as another person"),
    ):
        assert text in visitor.page.text
    assert re.search(r"\d+% \(\d of \d\)", visitor.page.text)
    assert store.answers(person) == expected
    assert person_of(store, visitor).finished


def test_a_page_does_not_wait_for_the_receipt_of_its_first_part(server: Server) -> None:
    # Such a wait is 40 ms or more in every answer on a connection that is in use.
    client, seconds = Visitor(server.address).client, []
    for _ in range(10):
        began = time.perf_counter()
        assert client.get("/").status_code == 200
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.03


def test_nothing_is_stored_before_consent(server: Server, store: Store) -> None:
    before = store.counts()
    visitor = Visitor(server.address)
    page = visitor.get("/")
    for text in ('with 1 < 2 & "quotes".', "Second paragraph.", "Contact: ethics@example.org"):
        assert text in page.text
    for values in ({}, {"consent": "no"}, {"consent": "yes", "language": "xx"}):
        visitor.get("/")
        visitor.post(values)
        assert visitor.response.status_code == 400
    for path in ("/question", "/question/1", "/person", "/end", "/leave", "/deleted"):
        visitor.get(path)
        assert visitor.path == ("/" if path != "/deleted" else path)
    assert store.counts() == before


def test_a_form_of_consent_that_is_sent_twice_begins_one_interview(
    server: Server, store: Store
) -> None:
    before = sum(one.begun for one in store.counts().values())
    visitor = Visitor(server.address)
    form = visitor.get("/").form
    fields, cookies = {**form.fields, "consent": "yes"}, {"survey": visitor.session}

    def send(_: int) -> str:
        response = httpx.post(f"{server.address}/begin", data=fields, cookies=cookies)
        return response.cookies["survey"]

    with ThreadPoolExecutor(4) as threads:
        (session,) = set(threads.map(send, range(4)))
    assert store.participant(session) is not None
    assert sum(one.begun for one in store.counts().values()) == before + 1


def test_the_questions_about_the_person_can_be_left_out_and_changed(
    server: Server, store: Store
) -> None:
    visitor = Visitor(server.address)
    visitor.begin("/?language=de")
    assert "Wie alt sind Sie?" in visitor.page.text
    visitor.post({"ask0": "1"})
    person = person_of(store, visitor)
    # Stored is the text of the first language.
    assert store.asked(person) == {"age_group": "30 or older"}
    visitor.get("/person")
    visitor.post({"ask0": "0", "ask1": "1"})
    assert store.asked(person) == {"age_group": "under 30", "card": "No"}
    for wrong in ("2", "-1", "x", "", "1 or 1=1", "9" * 3000):
        visitor.get("/person")
        visitor.post({"ask0": wrong})
        assert visitor.response.status_code == 400
    assert store.asked(person)["age_group"] == "under 30"


def test_a_language_is_chosen_or_taken_from_the_browser(server: Server) -> None:
    visitor = Visitor(server.address, {"accept-language": "de-AT,de;q=0.9,en;q=0.5"})
    page = visitor.get("/")
    assert '<html lang="de">' in visitor.response.text and "Erster Absatz." in page.text
    page = visitor.get("/?language=en")
    assert '<html lang="en">' in visitor.response.text and "Second paragraph." in page.text
    visitor = begun(server, "coin_flip", "/?language=de")
    for text in (f"Frage 1 von {QUESTIONS}", "Patient A", "Alter", "Münze"):
        assert text in visitor.page.text


def test_back_shows_the_answer_and_changes_it(server: Server, store: Store) -> None:
    visitor = begun(server, "coin_flip")
    person = person_of(store, visitor)
    for answer in ("coin", "coin", "coin"):
        visitor.post({"answer": answer})
    page = visitor.get("/question/3")
    assert "Your answer so far: Flip a coin." in page.text
    assert 'value="coin" aria-pressed="true"' in visitor.response.text
    assert {"/question/2", "/question/4"} <= set(page.links)
    visitor.get("/question/2")
    visitor.post({"answer": "a"})
    # Then the next question is shown, as after any answer.
    assert visitor.path == "/question/3"
    item = store.plan(person)[1]
    changed = "first" if item.order == "ab" else "second"
    assert store.answers(person) == {0: "coin", 1: changed, 2: "coin"}
    assert visitor.get("/question") and visitor.path == "/question/4"


def test_a_form_that_is_sent_again_changes_nothing(server: Server, store: Store) -> None:
    visitor = begun(server, "forced_choice")
    person, first = person_of(store, visitor), visitor.page
    for _ in range(2):
        visitor.post({"answer": "a"}, first.form)
        assert visitor.path == "/question/2"
    assert len(store.answers(person)) == 1
    # The page of an earlier question is still open in another window.
    visitor.post({"answer": "b"})
    visitor.post({"answer": "a"}, first.form)
    assert visitor.path == "/question/2" and len(store.answers(person)) == 2


@pytest.mark.parametrize("number", ["3", "8", "9", "99999"])
def test_no_question_can_be_reached_before_the_ones_before_it(
    number: str, server: Server, store: Store
) -> None:
    visitor = begun(server)
    visitor.get(f"/question/{number}")
    assert visitor.path == "/question/1"
    form = visitor.page.form
    form.action = f"/question/{number}"
    visitor.post({"answer": "a"}, form)
    assert visitor.path == "/question/1"
    assert store.answers(person_of(store, visitor)) == {}


def finished(server: Server) -> Visitor:
    """Return a person at the last page."""
    visitor = begun(server)
    for _ in range(QUESTIONS):
        visitor.post({"answer": "a"})
    assert visitor.path == "/end"
    return visitor


def test_after_the_end_answers_stay_as_they_are(server: Server, store: Store) -> None:
    visitor = finished(server)
    form = Form("/question/1", visitor.page.forms[0].fields)
    person = person_of(store, visitor)
    answers = store.answers(person)
    visitor.post({"answer": "b"}, form)
    assert visitor.path == "/end" and store.answers(person) == answers
    for path in ("/", "/question", "/question/1", "/person"):
        visitor.get(path)
        assert visitor.path == "/end"


@pytest.mark.parametrize("others", [4, 5])
def test_the_last_page_shows_the_studys_people_and_others_from_five_on(
    others: int, tmp_path: Path
) -> None:
    study = study_with(tmp_path, "consent: Simulated.\nrepeats: 0", FIXED)
    store = Store(str(tmp_path / "answers.db"), study, load_survey(study))
    own = answer_all(store, lambda item: "coin")
    for _ in range(others):
        answer_all(store, lambda item: "first")
    client = TestClient(SurveyApp(store, TOKEN).asgi, cookies={"survey": own.code})
    text = Page(client.get("/end").text).text
    assert ("You and the others in this survey" in text) == (others == 5)
    assert ("the people of the study that this survey builds on" in text) == (others == 4)
    count = len(store.plan(own))
    # Of five others, none took a coin: all answered alike, and nobody as this person did. Of the
    # study's people .298 did.
    shares = ("0%", "0% 100%") if others == 5 else ("30%", "30% ")
    row = f"Left to the coin 100% ({count} of {count}) {shares[0]} Same answer as another person, "
    assert f"{row}on average {shares[1]}" in text


def test_an_interview_is_resumed_by_its_code(server: Server, store: Store) -> None:
    visitor = begun(server)
    visitor.post({"answer": "a"})
    person = person_of(store, visitor)
    (link,) = (one for one in visitor.get("/leave").links if one.startswith("/resume/"))
    assert f"{server.address}{link}" in visitor.page.text
    code = link.removeprefix("/resume/")

    other = Visitor(server.address)
    page = other.get(link)
    # Opening the link alone does nothing: a form must be sent.
    assert other.session.startswith("visitor.") and code in page.text
    other.post({})
    assert other.path == "/question/2" and other.session == person.code

    typed = Visitor(server.address)
    typed.get("/resume")
    typed.post({"code": f"  {code.upper().replace('-', ' - ')} "})
    assert typed.path == "/question/2"
    typed.get("/resume")
    typed.post({"code": "wrong-code"})
    assert "There is no interview with this code." in typed.page.text


def test_answers_are_deleted_for_good(server: Server, store: Store) -> None:
    visitor = begun(server)
    visitor.post({"answer": "a"})
    person, session = person_of(store, visitor), visitor.session
    stale = visitor.page.form
    _, delete = visitor.get("/leave").forms
    visitor.post({}, delete)
    assert visitor.path == "/deleted" and "Your answers are deleted" in visitor.page.text
    assert store.participant(person.code) is None
    assert all(row.person for row in store.rows())  # the store can still be read
    # Another window with the old cookie finds nothing and stores nothing.
    visitor.client.cookies.clear()
    visitor.client.cookies.set("survey", session, domain="127.0.0.1")
    visitor.post({"answer": "a"}, stale)
    assert visitor.path == "/" and store.participant(person.code) is None
    assert visitor.session.startswith("visitor.")


def test_the_next_person_at_a_device_begins_anew(server: Server, store: Store) -> None:
    visitor = finished(server)
    first = person_of(store, visitor)
    (close,) = visitor.page.forms
    visitor.post({}, close)
    assert visitor.path == "/" and visitor.session.startswith("visitor.")
    visitor.post({"consent": "yes"})
    assert visitor.path == "/person" and person_of(store, visitor).code != first.code
    assert len(store.answers(first)) == QUESTIONS


# --- the owner -----------------------------------------------------------------------------------


def test_the_owner_sees_counts_and_downloads_the_export(server: Server, store: Store) -> None:
    finished(server)
    owner = Visitor(server.address)
    assert "Owner's token" in owner.get("/results").text
    owner.post({"token": "not-the-token"})
    assert owner.response.status_code == 403 and "This is not the token." in owner.page.text
    assert owner.get("/results/export.csv") and owner.path == "/results"
    owner.post({"token": TOKEN})
    assert owner.response.status_code == 200
    counts = store.counts()["coin_flip"]
    assert f"coin_flip {counts.begun} {counts.finished} {counts.answers}" in owner.page.text
    page = owner.page
    owner.get("/results/export.csv")
    assert owner.response.headers["content-type"] == "text/csv; charset=utf-8"
    header, *lines = owner.response.text.splitlines()
    assert header.endswith(",complete,age_group,card")
    assert len(lines) == sum(one.answers for one in store.counts().values())
    owner.post({}, page.form)
    assert "Owner's token" in owner.page.text
    assert owner.get("/results/export.csv") and owner.path == "/results"


def test_a_token_is_made_once(study: Study, tmp_path: Path) -> None:
    with serving(study.path, tmp_path / "server", token=None) as server:
        file = server.folder / "token"
        token = file.read_text(encoding="ascii").strip()
        assert f"shown only now and kept in {file}: {token}" in server.output
        assert len(token) == 43 and stat.S_IMODE(file.stat().st_mode) == 0o600
        owner = Visitor(server.address)
        owner.get("/results")
        owner.post({"token": token})
        assert "people and answers by condition" in owner.page.text
        session = owner.session
        # It stops when it is told to, and writes what it refused.
        owner.get("/nothing")
        server.stop()
        (line,) = server.log.splitlines()
        assert line.endswith("WARNING refused requests: 1 for an unknown address")
        server.start()
        assert token not in server.output + server.log
        # A new start ends the owner's sessions, and keeps those of people.
        assert owner.get("/results") and "Owner's token" in owner.page.text
        assert owner.session == session


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--token-file", "short"], "must hold an owner's token of 24 to 200 characters"),
        (["--token-file", "missing/token"], "cannot read or write the owner's token"),
        (["--root-path", "/a b"], "must be a path of letters, digits and -"),
        (["--host", "256.1.1.1"], "cannot listen on 256.1.1.1, port 0"),
    ],
)
def test_a_wrong_option_is_one_line(
    options: list[str], message: str, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short").write_text("secret\n", encoding="utf-8")
    command = ["survey", str(study.path), "--port", "0", *options]
    assert message in refused(CliRunner().invoke(main, command))


def test_a_study_without_a_consent_text_is_not_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "has no survey.yaml" in refused(CliRunner().invoke(main, ["survey", DRAWN]))
    assert not list(tmp_path.iterdir())


# --- behind a reverse proxy ----------------------------------------------------------------------


def test_headers_of_a_proxy_count_only_where_there_is_one(
    server: Server, study: Study, tmp_path: Path
) -> None:
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.1"}
    # This server was told of no proxy.
    response = httpx.get(f"{server.address}/", headers=forwarded)
    assert "Secure" not in response.headers["set-cookie"]
    options = ("--proxy", "1", "--root-path", "/survey")
    with serving(study.path, tmp_path / "server", *options) as behind:
        assert httpx.get(f"{behind.address}/survey/question/1/").status_code == 404
        for path in ("/", "/survey/", "/survey"):  # the proxy may take the path off or not
            response = httpx.get(f"{behind.address}{path}", headers=forwarded)
            cookie = response.headers["set-cookie"]
            assert "; Secure" in cookie and "Path=/survey" in cookie
            assert 'action="/survey/begin"' in response.text
        assert "Secure" not in httpx.get(f"{behind.address}/").headers["set-cookie"]
        visitor = Visitor(behind.address)
        visitor.begin("/survey/")
        assert visitor.path == "/survey/person"
        visitor.client.headers["x-forwarded-proto"] = "https"
        visitor.client.headers["host"] = "survey.example.org"
        response = visitor.client.get(
            "/survey/leave", headers={"cookie": f"survey={visitor.session}"}
        )
        assert "https://survey.example.org/survey/resume/" in Page(response.text).text
