"""Interviews of simulated people over HTTP, and what each person knows of them afterwards."""

from __future__ import annotations

import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import httpx

from kidney_evals.studies import Choice, Condition, Patient, Study, dilemmas_of
from kidney_evals.survey.store import Row
from survey.people import Person
from survey.serving import Form, Page, Server, Visitor

T = TypeVar("T")

Chosen = tuple[int, Patient | None, Patient | None]
"""The number of a question, who was chosen and who was not; None twice for the coin."""

PATIENCE = 120.0
"""Seconds in which a person tries to reach the server again."""


def read_candidates(study: Study, facts_shown: Sequence[Sequence[str]]) -> tuple[Patient, Patient]:
    """Return the two candidates whose facts a page shows, in the language of `study`."""
    values = [
        {attribute.describe(value): value for value in attribute.values}
        for attribute in study.attributes
    ]
    a, b = (
        Patient(tuple(known[text] for known, text in zip(values, facts, strict=True)))
        for facts in facts_shown
    )
    return a, b


@dataclass
class Interview:
    """A person who answers over HTTP, goes back at times, sends twice, and loses connections.

    Attributes:
        questions: Number of questions.
        trouble: Probability of each kind of trouble at each question.
        chosen: What the person chose in each question, as the server accepted it.
    """

    study: Study
    person: Person
    visitor: Visitor
    questions: int
    trouble: float = 0.0
    condition: Condition = "forced_choice"
    chosen: dict[int, Chosen] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    changed: int = 0

    def run(self) -> None:
        """Answer everything."""
        generator = random.Random(self.person.seed)
        self._patiently(lambda: self.visitor.begin())
        while self.visitor.path.startswith("/question/"):
            self._answer(generator)
        assert self.visitor.path == "/end", (self.visitor.path, self.visitor.response.text)

    def _answer(self, generator: random.Random) -> None:
        page, number = self.visitor.page, int(self.visitor.path.rpartition("/")[2])
        a, b = read_candidates(self.study, page.facts)
        self.condition = "coin_flip" if "coin" in page.answers else "forced_choice"
        answer = self.person.decide(self.study, a, b, self.condition, number)
        values = {**page.form.fields, "answer": answer}
        chance = generator.random()
        # What a person has sent may be stored, so it is what they chose.
        self.chosen[number] = chosen_as(number, answer, a, b)
        if chance < self.trouble:
            self.lost += 1
            self._send_and_hang_up(page.form.action, values)
            self._patiently(lambda: self.visitor.get("/question"))
            return
        if chance < 2 * self.trouble:
            self.doubled += 1
            self._patiently(lambda: self.visitor.client.post(page.form.action, data=values))
        if chance > 1 - self.trouble and number < self.questions:
            self.changed += 1
            self._slip(page.form, number, "b" if answer == "a" else "a")
        self._patiently(lambda: self.visitor.post({"answer": answer}, page.form))

    def _slip(self, form: Form, number: int, other: str) -> None:
        """Give another answer than the own one, and go back to the question."""
        self._patiently(lambda: self.visitor.post({"answer": other}, form))
        page = self._patiently(lambda: self.visitor.get(f"/question/{number}"))
        assert page.form.action == form.action

    def _send_and_hang_up(self, path: str, values: Mapping[str, str]) -> None:
        """Send a form and close the connection without reading the answer."""
        place = urlsplit(str(self.visitor.client.base_url))
        body = urlencode(values)
        forwarded = self.visitor.client.headers.get("x-forwarded-for", "")
        lines = (
            f"POST {path} HTTP/1.1",
            f"Host: {place.netloc}",
            f"Cookie: survey={self.visitor.session}",
            f"X-Forwarded-For: {forwarded}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
        )
        assert place.hostname is not None and place.port is not None
        try:
            with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
                connection.sendall("\r\n".join([*lines, "", body]).encode())
        except OSError:
            pass  # the server was killed

    def _patiently(self, request: Callable[[], T]) -> T:
        """Repeat a request while the server is away, as a person loads a page again."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                result = request()
            except httpx.TransportError:
                assert time.monotonic() < until, "the server did not come back"
                time.sleep(0.2)
                continue
            response = result if isinstance(result, httpx.Response) else self.visitor.response
            assert response.status_code == 200, (response.status_code, Page(response.text).text)
            return result


def answer_at_once(
    study: Study, server: Server, people: Sequence[Person], questions: int, kills: int
) -> list[Interview]:
    """Have people answer over HTTP at the same time, in trouble, while the server is killed."""
    interviews = [
        Interview(
            study,
            person,
            Visitor(server.address, {"x-forwarded-for": f"192.0.2.{number}"}),
            questions,
            trouble=0.08,
        )
        for number, person in enumerate(people)
    ]
    done = threading.Event()
    with ThreadPoolExecutor(len(people) + 1) as threads:
        killer = threads.submit(_kill_and_restart, server, interviews, kills, done)
        running = [threads.submit(one.run) for one in interviews]
        try:
            for future in running:
                future.result()
        finally:
            done.set()
            print(server.log)  # shown if somebody got no page
        assert killer.result() == kills
    # The trouble was there: with a chance of .08 each at every question.
    for kind in ("lost", "doubled", "changed"):
        assert sum(getattr(one, kind) for one in interviews) > len(people) / 4, kind
    return interviews


def _kill_and_restart(
    server: Server, interviews: Sequence[Interview], times: int, done: threading.Event
) -> int:
    """Kill the server some times, evenly over the interviews; return how often it was killed."""
    total = sum(one.questions for one in interviews)
    for killed in range(times):
        while sum(len(one.chosen) for one in interviews) < total * (killed + 1) / (times + 2):
            if done.wait(0.02):
                return killed
        server.stop(signal.SIGKILL)
        time.sleep(0.5)
        server.start()
    return times


def chosen_as(number: int, answer: str, a: Patient, b: Patient) -> Chosen:
    """Return what a person chose with a button."""
    if answer == "coin":
        return (number, None, None)
    return (number, a, b) if answer == "a" else (number, b, a)


Known = tuple[Condition, frozenset[Chosen]]


def known_to_people(
    interviews: Iterable[tuple[Condition, Mapping[int, Chosen]]],
) -> Counter[Known]:
    """Return the interviews as the people know them: condition, and what was chosen by number."""
    return Counter((condition, frozenset(chosen.values())) for condition, chosen in interviews)


def known_to_the_store(study: Study, rows: Iterable[Row]) -> Counter[Known]:
    """Return the interviews as an export has them; raise if a person has two rows of a question."""
    by_id = {one.id: one for one in (*dilemmas_of(study, None, None), *study.control_block)}
    people: dict[str, list[Row]] = {}
    for row in rows:
        people.setdefault(row.person, []).append(row)
    found: Counter[Known] = Counter()
    for answers in people.values():
        assert len({row.position for row in answers}) == len(answers)
        assert all(row.complete for row in answers)
        chosen: set[Chosen] = set()
        for row in answers:
            sides: dict[Choice, Patient] = {
                "first": by_id[row.dilemma].first,
                "second": by_id[row.dilemma].second,
            }
            if row.answer == "coin":
                chosen.add((row.position + 1, None, None))
            else:
                other: Choice = "second" if row.answer == "first" else "first"
                chosen.add((row.position + 1, sides[row.answer], sides[other]))
        found[answers[0].condition, frozenset(chosen)] += 1
    return found
