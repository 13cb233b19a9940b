"""Interviews of simulated people over HTTP, and what each person knows of them afterwards."""

import http.client
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

import httpx

from kidney_evals.studies import Condition, Study, dilemmas_of
from kidney_evals.survey.store import Row
from survey.people import Chosen, Interviewee, Known, Person
from survey.serving import Page, Server, Visitor

T = TypeVar("T")

TROUBLE = 0.08

PATIENCE = 120.0
"""Seconds in which a person tries to reach the server again."""


@dataclass(kw_only=True)
class Interview(Interviewee):
    """A person who answers over HTTP, and sometimes goes back, sends twice or loses a connection.

    `trouble` counts each kind, which has the probability `TROUBLE` at every question.
    """

    visitor: Visitor
    questions: int
    trouble: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Answer everything."""
        generator = random.Random(self.person.seed)
        self._patiently(lambda: self.visitor.begin())
        while self.visitor.path.startswith("/question/"):
            self._answer(generator)
        assert self.visitor.path == "/end", (self.visitor.path, self.visitor.response.text)

    def _answer(self, generator: random.Random) -> None:
        page, number = self.visitor.page, int(self.visitor.path.rpartition("/")[2])
        form = page.form
        # What a person has sent may be stored, so it is what they chose.
        answer = self.choose(number, page.facts, "coin" in page.answers)
        values = {**form.fields, "answer": answer}
        chance = generator.random()
        if chance < TROUBLE:
            self.trouble["lost"] += 1
            self._send_and_hang_up(form.action, values)
            self._patiently(lambda: self.visitor.get("/question"))
            return
        if chance < 2 * TROUBLE:
            self.trouble["doubled"] += 1
            self._patiently(lambda: self.visitor.client.post(form.action, data=values))
        if chance > 1 - TROUBLE and number < self.questions:
            # Another answer than the own one, after which the person goes back.
            self.trouble["changed"] += 1
            other = "b" if answer == "a" else "a"
            self._patiently(lambda: self.visitor.post({"answer": other}, form))
            again = self._patiently(lambda: self.visitor.get(f"/question/{number}"))
            assert again.form.action == form.action
        self._patiently(lambda: self.visitor.post({"answer": answer}, form))

    def _send_and_hang_up(self, path: str, values: Mapping[str, str]) -> None:
        """Send a form and close the connection without reading the answer."""
        connection = http.client.HTTPConnection(self.visitor.client.base_url.netloc.decode())
        headers = {
            "cookie": f"survey={self.visitor.session}",
            "x-forwarded-for": self.visitor.client.headers["x-forwarded-for"],
            "content-type": "application/x-www-form-urlencoded",
        }
        with suppress(OSError):  # the server was killed
            connection.request("POST", path, urlencode(values), headers)
        connection.close()

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
    visitors = (
        Visitor(server.address, {"x-forwarded-for": f"192.0.2.{number}"})
        for number in range(len(people))
    )
    interviews = [
        Interview(study, person, visitor=visitor, questions=questions)
        for person, visitor in zip(people, visitors, strict=True)
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
    for kind in ("lost", "doubled", "changed"):
        assert sum(one.trouble[kind] for one in interviews) > len(people) / 4, kind
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


def known_to_the_store(study: Study, rows: Iterable[Row]) -> Counter[Known]:
    """Return the interviews as an export has them; raise if a person has two rows of a question."""
    by_id = {one.id: one for one in (*dilemmas_of(study, None, None), *study.control_block)}
    people: dict[tuple[str, Condition], dict[int, Chosen]] = defaultdict(dict)
    for row in rows:
        chosen = people[row.person, row.condition]
        assert row.complete and row.position not in chosen
        pair = by_id[row.dilemma].first, by_id[row.dilemma].second
        pairs = {"first": pair, "second": pair[::-1], "coin": (None, None)}
        chosen[row.position] = (row.position + 1, *pairs[row.answer])
    return Counter((condition, frozenset(one.values())) for (_, condition), one in people.items())
