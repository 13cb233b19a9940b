"""The store of a survey: a database of its participants and their answers.

What is stored of a person: a hash of the code with which they resume, their condition and language,
the seed of their interview, their answers, and whether they finished. No times, no addresses.
Every change is one transaction, so a killed process leaves either all of it or nothing.
"""

import csv
import hashlib
import io
import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Integer, String, Table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from kidney_evals.errors import UserError, check_known
from kidney_evals.studies import CHOICES, CONDITIONS, Choice, Condition, Order, Study
from kidney_evals.survey.interview import PLAN_VERSION, Item, plan_interview
from kidney_evals.survey.settings import COLUMNS, SurveySettings

STORE_VERSION: Final = 1
"""Increased when the tables change."""

FEWEST: Final = 5
"""A person sees how others answered a dilemma only if at least this number of them answered it."""

_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Letters of a code: no i, l, o and u, which are misread (Crockford's base 32)."""

_METADATA = sa.MetaData()
_META = Table(
    "survey_meta",
    _METADATA,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
)
_PARTICIPANTS = Table(
    "survey_participants",
    _METADATA,
    Column("participant", String(64), primary_key=True),
    Column("condition", String(20), nullable=False),
    Column("language", String(20), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("finished", Boolean, nullable=False),
)
_PERSON = "survey_participants.participant"
_ANSWERS = Table(
    "survey_answers",
    _METADATA,
    Column("participant", String(64), sa.ForeignKey(_PERSON), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("dilemma", String(100), nullable=False),
    Column("order", String(2), nullable=False),
    Column("repeat", Boolean, nullable=False),
    Column("answer", String(10), nullable=False),
)
_ASKED = Table(
    "survey_asked",
    _METADATA,
    Column("participant", String(64), sa.ForeignKey(_PERSON), primary_key=True),
    Column("question", String(100), primary_key=True),
    Column("option", String(500), nullable=False),
)


@dataclass(frozen=True)
class Participant:
    """A person who takes part; only they know the `code`, with which they resume."""

    code: str = field(repr=False)
    condition: Condition
    language: str
    seed: int
    finished: bool = False

    @cached_property
    def key(self) -> str:
        """The hash of the code, by which the person is stored."""
        return _key(self.code)


class Row(NamedTuple):
    """An answer in an export; the fields are in the order of `COLUMNS` after the study's two.

    Attributes:
        person: A random name, which is new in each export.
        complete: Whether the person finished.
        asked: The person's answers to the questions about them, by id.
    """

    person: str
    condition: Condition
    language: str
    position: int
    dilemma: str
    order: Order
    repeat: bool
    answer: Choice
    complete: bool
    asked: Mapping[str, str]


@dataclass(frozen=True)
class Counts:
    """How many people of a condition began and finished, and how many answers there are."""

    begun: int
    finished: int
    answers: int


class StoreError(UserError):
    """The database of a store failed, or cannot be reached."""


class Store:
    """The answers to a survey, in SQLite or another database of SQLAlchemy.

    Methods can be called from several threads and processes at once. Every method raises a
    `StoreError` if the database fails.

    Args:
        url: An address of SQLAlchemy (`postgresql+psycopg://…`) or the path of a SQLite file.
        create: Whether to make missing tables.

    Attributes:
        url: The path of the SQLite file, or the address without its password.
        file: The path of the SQLite file; None for another database.

    Raises:
        UserError: The address is wrong, its driver is not installed, the database has another
            survey or other data, or it has no survey and `create` is False.
    """

    def __init__(
        self, url: str, study: Study, settings: SurveySettings, *, create: bool = True
    ) -> None:
        self.study, self.settings = study, settings
        self._engine = _engine(url, create)
        address = self._engine.url
        lite = address.get_backend_name() == "sqlite"
        self.file = Path(str(address.database)) if lite else None
        self.url = str(self.file or address.render_as_string(hide_password=True))
        # SQLite has snapshots by default.
        snapshot = {"reads": True} if lite else {"isolation_level": "SERIALIZABLE"}
        self._snapshots = self._engine.execution_options(**snapshot)
        self._plan = lru_cache(maxsize=10_000)(lambda seed: plan_interview(study, settings, seed))
        about = {
            "store version": str(STORE_VERSION),
            "study": study.id,
            "study hash": study.hash,
            "plan version": str(PLAN_VERSION),
            **{
                f"number of {name}": str(getattr(settings, name))
                for name in ("questions", "controls", "repeats")
            },
        }
        try:
            stored = self._prepare(about, create)
        except StoreError:
            # Another process may have made the tables at the same time.
            stored = self._prepare(about, create)
        for name, value in about.items():
            if (other := stored.get(name, "nothing")) != value:
                short = (other[:12], value[:12]) if name == "study hash" else (other, value)
                raise UserError(
                    f"{self.url} belongs to another survey: its {name} is {short[0]}, here it is "
                    f"{short[1]}; name another store"
                )

    def _prepare(self, about: Mapping[str, str], create: bool) -> dict[str, str]:
        """Return what the store records about its survey; make the tables of a new store first."""
        with self._changing() as connection:
            tables = sa.inspect(connection).get_table_names()
            if _META.name not in tables:
                if not create:
                    raise UserError(f"{self.url} holds no survey")
                if tables and connection.dialect.name == "sqlite":
                    raise UserError(f"{self.url} holds other data; name another store")
                _METADATA.create_all(connection)
            # A second process waits here until the first has committed, or finds its rows.
            found = {name: value for name, value in connection.execute(sa.select(_META))}
            if not found:
                connection.execute(
                    sa.insert(_META), [{"name": name, "value": one} for name, one in about.items()]
                )
            return found or dict(about)

    # --- transactions ---

    @contextmanager
    def _changing(self, engine: sa.Engine | None = None) -> Iterator[sa.Connection]:
        """Yield a connection in a transaction, which is committed unless the block fails."""
        try:
            with (engine or self._engine).begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            why = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            raise StoreError(f"the store {self.url} cannot be used ({why})") from error

    def _reading(self) -> AbstractContextManager[sa.Connection]:
        """Return a connection that sees the store as of one moment."""
        return self._changing(self._snapshots)

    # --- people ---

    def begin(self, language: str, condition: Condition | None = None) -> Participant:
        """Store a new person, with a random code and seed, and return them.

        Without `condition` they are assigned at random to one of the conditions with the fewest
        persons, also with concurrent calls. If all are assigned in this way and nobody withdraws,
        groups differ by one person at most.

        Raises:
            UserError: The survey lacks the language or the condition.
        """
        self.settings.check(language, condition)
        code = "".join(secrets.choice(_LETTERS) for _ in range(16))  # 80 random bits
        with self._changing() as connection:
            # Holding this row, one assignment follows the other.
            connection.execute(sa.select(_META).where(_META.c.name == "study").with_for_update())
            if condition is None:
                condition = self._assigned(connection)
            person = Participant(code, condition, language, secrets.randbits(31))
            connection.execute(
                sa.insert(_PARTICIPANTS).values(
                    participant=person.key,
                    condition=condition,
                    language=language,
                    seed=person.seed,
                    finished=False,
                )
            )
        return person

    def _assigned(self, connection: sa.Connection) -> Condition:
        of = _PARTICIPANTS.c.condition
        counts: dict[str, int] = {
            name: count
            for name, count in connection.execute(sa.select(of, sa.func.count()).group_by(of))
        }
        conditions = self.settings.conditions
        fewest = min(counts.get(one, 0) for one in conditions)
        return secrets.choice([one for one in conditions if counts.get(one, 0) == fewest])

    def participant(self, code: str) -> Participant | None:
        """Return the person with a code as typed; None if there is none, or they withdrew."""
        code = readable_code(code).replace("-", "")
        table = _PARTICIPANTS.c
        columns = (table.condition, table.language, table.seed, table.finished)
        wanted = sa.select(*columns).where(table.participant == _key(code))
        with self._reading() as connection:
            found = connection.execute(wanted).one_or_none()
        return Participant(code, *found) if found else None

    def plan(self, participant: Participant) -> tuple[Item, ...]:
        """Return the questions of the person's interview, in the order asked."""
        return self._plan(participant.seed)

    # --- answers ---

    def answers(self, participant: Participant) -> dict[int, Choice]:
        """Return the person's answers by position, in the order of positions."""
        table = _ANSWERS.c
        wanted = sa.select(table.position, table.answer).where(table.participant == participant.key)
        with self._reading() as connection:
            found = connection.execute(wanted.order_by(table.position))
            return {position: answer for position, answer in found}

    def record(self, participant: Participant, position: int, answer: Choice) -> None:
        """Store the answer to the question at a position, in place of any earlier answer.

        Raises:
            UserError: The position or answer is not allowed, the person withdrew, or the person has
                finished and the answer differs from the stored one.
        """
        plan = self.plan(participant)
        if type(position) is not int or not 0 <= position < len(plan):
            raise UserError(f"the interview has questions 0 to {len(plan) - 1}, not {position!r}")
        allowed = CHOICES if participant.condition == "coin_flip" else CHOICES[:2]
        check_known("answer", answer, allowed)
        item = plan[position]
        about = {"dilemma": item.dilemma.id, "order": item.order, "repeat": item.repeat}
        self._store(participant, _ANSWERS, {"position": position}, {**about, "answer": answer})

    def asked(self, participant: Participant) -> dict[str, str]:
        """Return the stored values of the person's answers to the questions about them, by id."""
        table = _ASKED.c
        wanted = sa.select(table.question, table.option).where(table.participant == participant.key)
        with self._reading() as connection:
            return {question: option for question, option in connection.execute(wanted)}

    def record_asked(self, participant: Participant, id: str, option: str) -> None:
        """Store the answer to a question about the person, in place of any earlier answer.

        `id` is the question's id. `option` is the stored value of an option: a key of
        `settings.options`.

        Raises:
            UserError: The question or option is unknown, the person withdrew, or the person has
                finished and the answer differs from the stored one.
        """
        asked = {one.id: one for one in self.settings.ask}
        check_known("question about the person", id, asked)
        allowed = self.settings.options(asked[id], self.settings.languages[0])
        check_known(f"answer to {id!r}", option, allowed)
        self._store(participant, _ASKED, {"question": id}, {"option": option})

    def _store(
        self,
        participant: Participant,
        table: Table,
        key: Mapping[str, object],
        values: Mapping[str, object],
    ) -> None:
        """Store a row, or replace the row with this key; once the person has finished, refuse.

        The same call twice, also concurrently, has the effect of one.
        """
        key = {"participant": participant.key, **key}
        mine = [table.c[name] == value for name, value in key.items()]
        with self._changing() as connection:
            if self._lock(connection, participant):
                stored = connection.execute(sa.select(table).where(*mine)).mappings().one_or_none()
                if stored is None or dict(stored) != {**key, **values}:
                    raise UserError("the survey is finished, so answers can no longer be changed")
            # Upserts differ between databases; this is the same in all. The person's row is
            # locked, so that no other row comes between.
            elif not connection.execute(sa.update(table).where(*mine).values(values)).rowcount:
                connection.execute(sa.insert(table).values({**key, **values}))

    def finish(self, participant: Participant) -> None:
        """Mark the person as finished.

        Raises:
            UserError: Some questions are not answered, or the person withdrew.
        """
        with self._changing() as connection:
            self._lock(connection, participant)
            mine = _ANSWERS.c.participant == participant.key
            answers = connection.execute(sa.select(sa.func.count()).where(mine)).scalar_one()
            if missing := len(self.plan(participant)) - answers:
                raise UserError(f"{missing} questions are not answered")
            mine = _PARTICIPANTS.c.participant == participant.key
            connection.execute(sa.update(_PARTICIPANTS).where(mine).values(finished=True))

    def withdraw(self, participant: Participant) -> None:
        """Delete everything that is stored of the person; do nothing if nothing is stored."""
        with self._changing() as connection:
            # Waits for answers of the person that are being stored.
            self._locked(connection, participant)
            for table in (_ANSWERS, _ASKED, _PARTICIPANTS):
                connection.execute(sa.delete(table).where(table.c.participant == participant.key))
        if self._engine.dialect.name == "sqlite":
            # Empty the log beside the file, which would keep the deleted rows for a while.
            with closing(self._engine.raw_connection()) as raw:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _locked(self, connection: sa.Connection, participant: Participant) -> bool | None:
        """Hold the person's row until the transaction ends; return `finished`, None without it."""
        mine = _PARTICIPANTS.c.participant == participant.key
        wanted = sa.select(_PARTICIPANTS.c.finished).where(mine).with_for_update()
        return connection.execute(wanted).scalar_one_or_none()

    def _lock(self, connection: sa.Connection, participant: Participant) -> bool:
        finished = self._locked(connection, participant)
        if finished is None:
            raise UserError("there is nobody with this code: the person withdrew")
        return finished

    # --- results ---

    def rows(self) -> Iterator[Row]:
        """Yield every answer that the store has at one moment.

        Each person has a new random name. Answers are in the order of names, then of positions.
        """
        people, answers = _PARTICIPANTS.c, _ANSWERS.c
        about = (people.participant, people.condition, people.language)
        answer = (answers.position, answers.dilemma, answers.order, answers.repeat, answers.answer)
        wanted = (
            sa.select(*about, *answer, people.finished)
            .join(_ANSWERS, people.participant == answers.participant)
            .order_by(people.participant, answers.position)
        )
        asked: dict[str, dict[str, str]] = defaultdict(dict)
        rows: dict[str, list[Any]] = defaultdict(list)
        with self._reading() as connection:
            for key, question, option in connection.execute(sa.select(_ASKED)):
                asked[key][question] = option
            for key, *row in connection.execute(wanted):
                rows[key].append(row)
        # In the order of the new codes, which says nothing of who began first.
        for person, key in sorted((f"p{secrets.token_hex(8)}", key) for key in rows):
            for row in rows[key]:
                yield Row._make((person, *row, asked[key]))

    def exported(self) -> bytes:
        """Return all answers as CSV in UTF-8, a line for each answer.

        The columns are `COLUMNS`, then one for each question about the person. No cell starts as a
        formula does in a spreadsheet: ids and options are checked when the study and `survey.yaml`
        are read, and nothing that a person typed is stored.
        """
        asked = [one.id for one in self.settings.ask]
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*COLUMNS, *asked])
        for *cells, answers in self.rows():
            numbered = (int(cell) if isinstance(cell, bool) else cell for cell in cells)
            given = (answers.get(name, "") for name in asked)
            writer.writerow([self.study.id, self.study.hash, *numbered, *given])
        return text.getvalue().encode()

    def counts(self) -> dict[Condition, Counts]:
        """Return the numbers of persons and answers, by condition.

        A condition without persons is missing.
        """
        people, answers = _PARTICIPANTS.c, _ANSWERS.c
        persons = sa.func.count(people.participant.distinct())
        wanted = (
            sa.select(people.condition, people.finished, persons, sa.func.count(answers.position))
            .join(_ANSWERS, people.participant == answers.participant, isouter=True)
            .group_by(people.condition, people.finished)
        )
        counts: dict[Condition, Counts] = dict.fromkeys(CONDITIONS, Counts(0, 0, 0))
        with self._reading() as connection:
            for condition, finished, begun, given in connection.execute(wanted):
                one = counts[condition]
                counts[condition] = Counts(
                    one.begun + begun, one.finished + begun * finished, one.answers + given
                )
        return {condition: one for condition, one in counts.items() if one.begun}

    def shares(
        self, condition: Condition, without: Participant | None = None
    ) -> dict[str, tuple[int, int, int]]:
        """Return how many people of a condition chose (first, second, coin), by dilemma id.

        Only people who finished count; the person `without` does not. Repeats do not count.
        A dilemma that fewer than `FEWEST` of these people answered is missing.
        """
        people, answers = _PARTICIPANTS.c, _ANSWERS.c
        wanted = (
            sa.select(answers.dilemma, answers.answer, sa.func.count())
            .join(_PARTICIPANTS, people.participant == answers.participant)
            .where(people.condition == condition, people.finished, ~answers.repeat)
            .group_by(answers.dilemma, answers.answer)
        )
        if without is not None:
            wanted = wanted.where(people.participant != without.key)
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        with self._reading() as connection:
            for dilemma, answer, count in connection.execute(wanted):
                counts[dilemma][answer] = count
        return {
            dilemma: (one["first"], one["second"], one["coin"])
            for dilemma, one in counts.items()
            if one.total() >= FEWEST
        }


def readable_code(code: str) -> str:
    """Return a code in groups of four letters and digits ("k7mf-q2xd-9hzr-41bt").

    The code is as stored or as typed. A typed o becomes 0; a typed i or l becomes 1.
    """
    typed = "".join(filter(str.isalnum, code.casefold()))
    letters = typed.translate(str.maketrans("oil", "011"))
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))


def _key(code: str) -> str:
    # A code has 80 random bits, so that its hash needs no salt and no slowness.
    return hashlib.sha256(code.encode()).hexdigest()


def _engine(url: str, create: bool) -> sa.Engine:
    """Return the engine for an address, or for the path of a SQLite file."""
    try:
        address = make_url(url if "://" in url else f"sqlite:///{os.path.expanduser(url)}")
        lite = address.get_backend_name() == "sqlite"
        if lite:
            if address.database in (None, "", ":memory:"):
                raise UserError("the store must be a file: answers in memory are lost")
            if not create and not os.path.isfile(address.database):
                raise UserError(f"there is no survey at {address.database}")
        # A transaction of SQLite waits a minute for another one.
        options = {"timeout": 60} if lite else {}
        engine = sa.create_engine(address, pool_pre_ping=True, connect_args=options)
    except UserError:
        raise
    except (ArgumentError, ValueError) as error:
        raise UserError(
            # Without the rest, which may hold a password.
            "the store must be a file, or an address such as postgresql+psycopg://…, "
            f"not {url.partition('://')[0]}://…"
        ) from error
    except ImportError as error:
        raise UserError(f"the store needs a driver that is not installed ({error})") from error
    if lite:
        sa.event.listen(engine, "connect", _on_connect)
        if create:
            # Only its owner may read the answers; the log beside the file has its permissions.
            with suppress(OSError):
                os.close(os.open(str(address.database), os.O_WRONLY | os.O_CREAT, 0o600))
            sa.event.listen(engine, "connect", _on_connect_to_new)
        sa.event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _: object) -> None:
    # The driver's own transactions begin late, after the first read; see `_on_begin`.
    connection.isolation_level = None
    # FULL: what was committed is on the disk. secure_delete: what is withdrawn is overwritten.
    for setting in ("synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {setting}").close()


def _on_connect_to_new(connection: Any, _: object) -> None:
    # Is kept in the file, so not in a file of another program, which is then refused.
    others = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'survey%'"
    if connection.execute(others).fetchone() is None:
        connection.execute("PRAGMA journal_mode=WAL").close()


def _on_begin(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
