"""The application of the survey: which page answers which request.

A form that is accepted is answered with a redirect to a page that can be loaded again. A person is
known by the session cookie alone, which holds their code.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from math import ceil
from threading import Lock
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from kidney_evals.errors import UserError
from kidney_evals.studies import Choice, Condition
from kidney_evals.survey.interview import Item, question_of
from kidney_evals.survey.results import Beside, OwnAnswers, own_answers
from kidney_evals.survey.store import Counts, Participant, Store, StoreError, readable_code
from kidney_evals.survey.web.guard import Guard, RateLimit, Refusals
from kidney_evals.survey.web.pages import Pages, page_texts
from kidney_evals.survey.web.sessions import (
    COOKIE,
    FORM_TOKEN,
    Owner,
    form_token,
    is_code,
    is_form_token,
    new_session,
    well_formed,
)

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)


@dataclass
class Visit:
    """A request to the server, with its session, person and form.

    Attributes:
        session: The session in the cookie, or a new one. The response sets the cookie to it.
        person: The person whose code the session is, if any.
        form: The fields of a form, by name; empty without a form.
    """

    request: Request
    session: str
    person: Participant | None
    form: Mapping[str, str]


Handler = Callable[[Visit], Response]


class SurveyApp:
    """The pages of one survey.

    Args:
        token: The owner's token, which opens the owner's page.
        proxies: Number of trusted reverse proxies in front of the server.
        root: Path of the pages behind the proxies ("/survey"), or "".

    Attributes:
        asgi: The ASGI application.
        refusals: The counts of refused requests.
    """

    def __init__(self, store: Store, token: str, *, proxies: int = 0, root: str = "") -> None:
        self._store = store
        self._study, self._settings = study, settings = store.study, store.settings
        self._root = root
        self._owner = Owner(token)
        self._pages = {one: Pages(study, settings, one, root) for one in settings.languages}
        self._begins = RateLimit(burst=300, per_second=1 / 6)
        self._guesses = RateLimit(burst=10, per_second=1 / 60)
        # The codes of the last sessions that began, so that a form sent twice begins one interview.
        self._begun: OrderedDict[str, str] = OrderedDict()
        self._begin_lock = Lock()
        self._style = files("kidney_evals.survey.web").joinpath("survey.css").read_bytes()
        self.refusals = Refusals()
        self.asgi = Guard(self._starlette(), self._refuse, self.refusals, proxies, root)

    def _starlette(self) -> Starlette:
        pages: dict[str, dict[str, Handler]] = {
            "/": {"GET": self._start},
            "/begin": {"POST": self._begin},
            "/resume": {"GET": self._resume_form, "POST": self._resume},
            "/resume/{code}": {"GET": self._resume_form},
            "/person": {"GET": self._person_form, "POST": self._person},
            "/question": {"GET": self._next},
            "/question/{number}": {"GET": self._question, "POST": self._answer},
            "/end": {"GET": self._end},
            "/leave": {"GET": self._leave},
            "/close": {"POST": self._close},
            "/delete": {"POST": self._delete},
            "/deleted": {"GET": self._deleted},
            "/results": {"GET": self._results, "POST": self._login},
            "/results/export.csv": {"GET": self._export},
            "/results/leave": {"POST": self._logout},
            "/survey.css": {"GET": self._css},
            "/favicon.ico": {"GET": self._no_icon},
        }
        app = Starlette(
            routes=[
                Route(path, self._endpoint(handlers), methods=list(handlers))
                for path, handlers in pages.items()
            ],
            exception_handlers={HTTPException: self._http_error, Exception: self._failed},
            lifespan=self._lifespan,
        )
        # A redirect of Starlette's would not know the path behind the proxy.
        app.router.redirect_slashes = False
        return app

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async def log() -> None:
            while True:
                await asyncio.sleep(60.0)
                self.refusals.log()

        task = asyncio.create_task(log())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self.refusals.log()

    # --- requests ------------------------------------------------------------------------------

    def _endpoint(self, handlers: Mapping[str, Handler]) -> Callable[[Request], object]:
        async def endpoint(request: Request) -> Response:
            handler = handlers["POST" if request.method == "POST" else "GET"]
            return await run_in_threadpool(self._serve, handler, request)

        return endpoint

    def _serve(self, handler: Handler, request: Request) -> Response:
        """Read the cookie and the form, check the form's token, and make the response."""
        cookie = request.cookies.get(COOKIE, "")
        session = cookie if well_formed(cookie) else ""
        known = session and is_code(session)
        person = self._store.participant(session) if known else None
        form: dict[str, str] = {}
        if request.method == "POST":
            form = self._form(request)
            if not session or not is_form_token(session, form.get(FORM_TOKEN, "")):
                self.refusals.add("without a valid form token")
                return self._message(request, 403)
        if known and person is None:
            self.refusals.add("with an unknown session")
            session = ""
        visit = Visit(request, session or new_session(), person, form)
        try:
            response = handler(visit)
        except StoreError:
            raise
        except UserError:
            response = self._changed(visit)
        if visit.session != cookie:
            response.set_cookie(
                COOKIE,
                visit.session,
                path=self._root or "/",
                secure=request.scope["scheme"] == "https",
                httponly=True,
                samesite="lax",
            )
        return response

    def _changed(self, visit: Visit) -> Response:
        """Answer a form of a person who finished, or deleted the answers, in another window."""
        now = visit.person and self._store.participant(visit.person.code)
        if now and not now.finished:
            raise
        visit.person, visit.session = now, now.code if now else new_session()
        return self._next(visit)

    def _form(self, request: Request) -> dict[str, str]:
        try:
            body = request.scope["form_body"].decode("ascii", "replace")
            return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=50))
        except ValueError:
            raise HTTPException(400) from None

    def _to(self, path: str) -> Response:
        return RedirectResponse(f"{self._root}{path}", status_code=303)

    def _page(
        self,
        visit: Visit,
        template: str,
        status: int = 200,
        pages: Pages | None = None,
        **values: object,
    ) -> Response:
        """Return a page with its form's token, and with the person's code where there is one."""
        person, token = visit.person, form_token(visit.session)
        values = {"code": readable_code(person.code) if person else "", **values}
        html = (pages or self._pages_for(visit)).render(template, form_token=token, **values)
        return HTMLResponse(html, status)

    def _pages_for(self, visit: Visit) -> Pages:
        """Return the pages in the person's language."""
        if visit.person and visit.person.language in self._pages:
            return self._pages[visit.person.language]
        return self._wanted(visit.request)

    def _wanted(self, request: Request) -> Pages:
        """Return the pages in the language that the address or the browser asks for."""
        asked = [request.query_params.get("language", "")]
        for part in request.headers.get("accept-language", "")[:1000].split(","):
            language = part.split(";")[0].strip().lower()
            asked += [language, language.split("-")[0]]
        known = (one for one in asked if one in self._pages)
        return self._pages[next(known, self._settings.languages[0])]

    # --- refusals ------------------------------------------------------------------------------

    def _message(self, request: Request, status: int, wait: float = 0.0) -> Response:
        """Return the page of an error."""
        pages = self._wanted(request)
        known = page_texts()[pages.texts_language]
        name = f"error_{status}" if f"error_{status}" in known else "error_400"
        text = pages.text(name, count=ceil(wait))
        html = pages.render("message.html", heading=pages.text("problem"), text=text, home=True)
        response = HTMLResponse(html, status)
        if wait:
            response.headers["retry-after"] = str(ceil(wait))
        return response

    def _refuse(self, scope: Scope, status: int, wait: float) -> ASGIApp:
        response = self._message(Request(scope), status, wait)
        if status in (408, 413, 415):
            # The rest of the body is not read.
            response.headers["connection"] = "close"
        return response

    async def _http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        reasons = {404: "for an unknown address", 405: "with a wrong method"}
        self.refusals.add(reasons.get(error.status_code, "that could not be read"))
        response = self._message(request, error.status_code)
        response.headers.update(error.headers or {})
        return response

    async def _failed(self, request: Request, error: Exception) -> Response:
        # Starlette raises the error again after this response, so that the guard logs it.
        return self._message(request, 500)

    # --- begin, resume, leave --------------------------------------------------------------------

    def _start(self, visit: Visit) -> Response:
        if visit.person:
            return self._next(visit)
        names = {one: pages.text("language") for one, pages in self._pages.items()}
        # A language without texts of the pages is called by its code.
        names = {one: name if one in page_texts() else one for one, name in names.items()}
        return self._page(visit, "start.html", languages=names)

    def _begin(self, visit: Visit) -> Response:
        if visit.person:
            return self._next(visit)
        language = visit.form.get("language", "")
        if visit.form.get("consent") != "yes" or language not in self._pages:
            raise HTTPException(400)
        with self._begin_lock:
            code = self._begun.get(visit.session)
            person = self._store.participant(code) if code else None
            if person is None:
                if wait := self._begins.spend(visit.request.scope["client_key"]):
                    self.refusals.add("above the limit of new interviews")
                    return self._message(visit.request, 429, wait)
                person = self._store.begin(language)
                self._begun[visit.session] = person.code
                if len(self._begun) > 10_000:
                    self._begun.popitem(last=False)
        visit.session = person.code
        return self._to("/person" if self._settings.ask else "/question/1")

    def _resume_form(self, visit: Visit) -> Response:
        code = visit.request.path_params.get("code", "")
        code = code if well_formed(code) else ""
        return self._page(visit, "resume.html", code=code, unknown=False)

    def _resume(self, visit: Visit) -> Response:
        code = visit.form.get("code", "").strip()[:100]
        person = self._store.participant(code) if code else None
        if person is None:
            self.refusals.add("with an unknown code")
            return self._page(visit, "resume.html", code=code, unknown=True)
        visit.session, visit.person = person.code, person
        return self._next(visit)

    def _leave(self, visit: Visit) -> Response:
        if visit.person is None:
            return self._to("/")
        address = self._resume_address(visit, visit.person)
        return self._page(visit, "leave.html", address=address, finished=visit.person.finished)

    def _resume_address(self, visit: Visit, person: Participant) -> str:
        host = visit.request.headers.get("host", "")
        origin = f"{visit.request.scope['scheme']}://{host}" if _HOST.fullmatch(host) else ""
        return f"{origin}{self._root}/resume/{readable_code(person.code)}"

    def _close(self, visit: Visit) -> Response:
        """End the session; somebody else can begin in this browser."""
        visit.session, visit.person = new_session(), None
        return self._to("/")

    def _delete(self, visit: Visit) -> Response:
        language = self._settings.languages[0]
        if visit.person:
            self._store.withdraw(visit.person)
            language = visit.person.language
        visit.session = new_session()
        return self._to(f"/deleted?language={language}")

    def _deleted(self, visit: Visit) -> Response:
        if visit.person:
            return self._next(visit)
        pages = self._wanted(visit.request)
        heading, text = pages.text("deleted"), pages.text("deleted_text")
        return self._page(visit, "message.html", heading=heading, text=text, home=False)

    # --- questions -------------------------------------------------------------------------------

    def _next(self, visit: Visit) -> Response:
        """Redirect to the first question that is not answered, or to the end."""
        person = visit.person
        if person is None:
            return self._to("/")
        if person.finished:
            return self._to("/end")
        answers = self._store.answers(person)
        for number, item in enumerate(self._store.plan(person), start=1):
            if item.position not in answers:
                return self._to(f"/question/{number}")
        # The server was stopped between the last answer and the end.
        self._store.finish(person)
        return self._to("/end")

    def _person_form(self, visit: Visit) -> Response:
        if visit.person is None or visit.person.finished or not self._settings.ask:
            return self._next(visit)
        return self._page(visit, "person.html", given=self._store.asked(visit.person))

    def _person(self, visit: Visit) -> Response:
        if visit.person is None or visit.person.finished:
            return self._next(visit)
        for number, ask in enumerate(self._settings.ask):
            values = list(self._settings.options(ask, visit.person.language))
            given = visit.form.get(f"ask{number}")
            if given is None:
                continue
            if not given.isascii() or not given.isdecimal() or int(given[:5]) >= len(values):
                raise HTTPException(400)
            self._store.record_asked(visit.person, ask.id, values[int(given[:5])])
        return self._next(visit)

    def _asked_for(self, visit: Visit) -> tuple[Participant, Item, Choice | None] | None:
        """Return the person, the question of the address and its answer; None before its turn."""
        person, number = visit.person, visit.request.path_params["number"]
        if person is None or person.finished:
            return None
        if not _NUMBER.fullmatch(number):
            raise HTTPException(404)
        items, answers = self._store.plan(person), self._store.answers(person)
        *before, item = items[: int(number)]
        if int(number) > len(items) or any(one.position not in answers for one in before):
            return None
        return person, item, answers.get(item.position)

    def _question(self, visit: Visit) -> Response:
        found = self._asked_for(visit)
        if found is None:
            return self._next(visit)
        person, item, answer = found
        pages, number = self._pages_for(visit), item.position + 1
        choices = _choices(item, person.condition)
        labels = {key: pages.text("candidate", name=key.upper()) for key in ("a", "b")}
        labels["coin"] = pages.text("coin")
        back = f"/question/{number - 1}" if number > 1 else "/person" if self._settings.ask else ""
        return self._page(
            visit,
            "question.html",
            question=question_of(self._study, item, person.condition, person.language),
            number=number,
            total=len(self._store.plan(person)),
            choices={key: labels[key] for key in choices},
            answered=next((key for key, choice in choices.items() if choice == answer), None),
            back=back,
        )

    def _answer(self, visit: Visit) -> Response:
        found = self._asked_for(visit)
        if found is None:
            return self._next(visit)
        person, item, _ = found
        answer = _choices(item, person.condition).get(visit.form.get("answer", ""))
        if answer is None:
            raise HTTPException(400)
        self._store.record(person, item.position, answer)
        if item.position + 1 < len(self._store.plan(person)):
            return self._to(f"/question/{item.position + 2}")
        self._store.finish(person)
        return self._to("/end")

    def _end(self, visit: Visit) -> Response:
        person = visit.person
        if person is None or not person.finished:
            return self._next(visit)
        pages, own = self._pages_for(visit), own_answers(self._store, person)
        result, address = self._result(pages, own), self._resume_address(visit, person)
        return self._page(visit, "end.html", others=own.others, result=result, address=address)

    def _result(self, pages: Pages, own: OwnAnswers) -> list[dict[str, str]]:
        """Return rows of the result: how often the person (also as "4 of 6") and others did so."""
        lines: list[tuple[str, Beside | None]] = []
        for attribute in pages.study.attributes:
            least, most = map(attribute.describe, attribute.ends)
            text = pages.text("rather", label=attribute.label, most=most, least=least)
            lines.append((text, own.attributes.get(attribute.id)))
        lines += [(pages.text("coins"), own.coin), (pages.text("alike"), own.alike)]
        return [
            {
                "text": text,
                "own": pages.percent(line.own),
                "answers": ""
                if line is own.alike
                else pages.text("share_of", count=round(line.own * line.of), of=line.of),
                "others": "–" if own.others == "nobody" else pages.percent(line.others),
            }
            for text, line in lines
            if line is not None
        ]

    # --- the owner -------------------------------------------------------------------------------

    def _results(self, visit: Visit, wrong: bool = False) -> Response:
        counts: dict[Condition, Counts] | None = None
        if self._owner.is_open(visit.session):
            nobody = dict.fromkeys(self._settings.conditions, Counts(0, 0, 0))
            counts = {**nobody, **self._store.counts()}
        values = {"study": self._study, "counts": counts, "wrong": wrong}
        pages = self._pages[self._settings.languages[0]]
        return self._page(visit, "results.html", 403 if wrong else 200, pages, **values)

    def _login(self, visit: Visit) -> Response:
        if wait := self._guesses.spend(visit.request.scope["client_key"]):
            self.refusals.add("above the limit of owner's tokens")
            return self._message(visit.request, 429, wait)
        session = self._owner.login(visit.form.get("token", "").strip())
        if session is None:
            self.refusals.add("with a wrong owner's token")
            return self._results(visit, wrong=True)
        visit.session = session
        return self._to("/results")

    def _logout(self, visit: Visit) -> Response:
        self._owner.logout(visit.session)
        visit.session = new_session()
        return self._to("/results")

    def _export(self, visit: Visit) -> Response:
        if not self._owner.is_open(visit.session):
            return self._to("/results")
        name = f"{self._study.id}-survey.csv"
        return Response(
            self._store.exported(),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    def _css(self, visit: Visit) -> Response:
        return Response(
            self._style, media_type="text/css", headers={"cache-control": "max-age=3600"}
        )

    def _no_icon(self, visit: Visit) -> Response:
        # Every browser asks for one.
        return Response(status_code=204, headers={"cache-control": "max-age=86400"})


def _choices(item: Item, condition: Condition) -> dict[str, Choice]:
    """Return the answers on offer, in terms of the dilemma as listed, by the value of a button."""
    choices = {"a": item.chosen(0), "b": item.chosen(1)}
    return choices | {"coin": "coin"} if condition == "coin_flip" else choices
