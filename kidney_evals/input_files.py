"""Read untrusted files in bounded time and memory, and check them with pydantic models.

Only regular UTF-8 files of limited size are read. YAML, JSON and CSV become lists, mappings and
text. Numbers stay text (`Plain`) until the field of a model parses them, so no type is guessed:
`id: no` is the text "no", and `0x10` is not a number. All problems of a file are raised as one
`UserError` that names the place of each problem.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from kidney_evals.errors import UserError

MAX_BYTES = 500_000
"""Size limit of a file, far above any real study, wording table or price file."""

MAX_TABLE_BYTES = 4_000_000
"""Size limit of a CSV table."""

MAX_COLUMNS = 1000
"""Limit of the columns of a CSV table."""

MAX_CELLS = 300_000
"""Limit of the cells of a CSV table; reading a cell takes some hundredths of a millisecond."""

MAX_DEPTH = 20
"""Nesting limit of a YAML or JSON file."""

MAX_NODES = 20_000
"""Limit of the values in a YAML file; reading a value takes a tenth of a millisecond."""

_SHOWN_PROBLEMS = 10
_BOM = b"\xef\xbb\xbf"

Place = tuple[str | int, ...]
"""Path of a value: keys and indices from the root; for a table, line number and column."""

F = TypeVar("F", bound=BaseModel)


class Plain(str):
    """A scalar without quotes, as written in the file."""


class FileModel(BaseModel):
    """Base class of the models of files; undeclared keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --- The types of fields -----------------------------------------------------------------------

_NUMBER = re.compile(
    r"[-+]?(?:(?:0|[1-9]\d{0,20})(?:\.\d{1,20})?|\.\d{1,20})(?:[eE][-+]?\d{1,3})?", re.ASCII
)
_WHOLE = re.compile(r"[-+]?(?:0|[1-9]\d{0,15})(?:\.0{1,9})?", re.ASCII)
_HIDDEN = re.compile(
    # Control characters except tab and line break; invisible characters and characters that change
    # the text direction (Default_Ignorable_Code_Point of Unicode 16); private use; surrogates.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ud800-\uf8ff\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\U000f0000-\U0010ffff]"
)
_MARKUP = re.compile(
    # Tags, comments, entities and the special tokens of chat templates; TeX commands, which the log
    # viewer renders; text struck out by Markdown or by combining characters; Markdown links, images
    # and link definitions, which no viewer shows; stacked combining characters.
    r"<[a-z/!?|]|&#?\w+;|\\[a-z]|~~|[\u0334-\u0338\u20d0-\u20f0]|\[/?INST\]|\]\("
    r"|^[ \t]*\[[^\]\n]*\]:|[\u0300-\u036f]{4}",
    re.IGNORECASE | re.MULTILINE,
)
_FAR_AWAY = re.compile(r"[^\S\n]{10}|(?:[^\S\n]*\n){5}")
ANSWER_LINE = re.compile(
    r"\b(?i:answer|antwort|r[ée]ponse|respuesta)\W{0,5}[:=\uff1a]\W{0,5}"
    r"(?:\w\b|[A-ZÀ-Þ]{2,}\b|(?i:coin|patient)\b)"
)
"""Matches an answer line, or text that resembles one, in each language of the package."""

_DIGIT = r"[\d\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f\u2150-\u218f]"
_PLACEHOLDER_LIMIT = re.compile(
    # Adjacent text must not change a value: 9{value}, -{value}, {value}0, {value}.5, {value}e3.
    # Spaces may separate the digits of one number: 1 {value}, {value} 000.
    r"(?:[\w.,+*/^=~\-\u2010-\u2015\u2212]|\d\s+)\{value(?:_[ab])?\}"
    rf"|\{{value(?:_[ab])?\}}(?:\s*{_DIGIT}|[.,/:^]\d|[eE][-+]?\d)"
)


def _number(value: object) -> object:
    if isinstance(value, float):
        return value
    if not isinstance(value, Plain) or not _NUMBER.fullmatch(value.strip()):
        raise ValueError(f"must be a plain number such as 10 or 0.5, not {shown(value)}")
    number = float(value)
    if abs(number) > 1e15:
        raise ValueError(f"is too large ({shown(value)})")
    return number


def _whole(value: object) -> object:
    if type(value) is int:
        return value
    text = value.strip() if isinstance(value, Plain) else ""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"must be a whole number, not {shown(value)}")
    return int(text.partition(".")[0])


def _optional(value: object) -> object:
    return None if value == "" else value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {shown(value)}")
    if found := _HIDDEN.search(value):
        name = unicodedata.name(found[0], "control or private character")
        raise ValueError(f"holds the hidden character U+{ord(found[0]):04X} ({name})")
    return str(value)


def _length(most: int, least: int = 0) -> AfterValidator:
    def check(value: str) -> str:
        if not least <= len(value) <= most:
            raise ValueError(f"must have at most {most} characters" if value else "is empty")
        return value

    return AfterValidator(check)


def _line(value: str) -> str:
    if re.search("[\n\t\u2028\u2029]", value):
        raise ValueError("must be one line without tabs")
    return value


def _visible(value: str) -> str:
    if found := _MARKUP.search(value):
        raise ValueError(f"must hold no markup that can hide text ({shown(found[0])})")
    if _FAR_AWAY.search(value):
        raise ValueError("must hold no more than 9 spaces or 4 line breaks in a row")
    return value


def _no_answer(value: str) -> str:
    # A placeholder is no answer: "your answer: {line}" is not an answer line.
    plain = unicodedata.normalize("NFKC", value)
    if found := ANSWER_LINE.search(re.sub(r"\{\w+\}", "\u2026" * 6, plain)):
        raise ValueError(f"must hold no answer line ({shown(found[0])})")
    return value


def _id(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}", value):
        raise ValueError(f"must have letters, digits, _, . and - only, not {shown(value)}")
    return value


def _no_formula(value: str) -> str:
    if unicodedata.normalize("NFKC", value).lstrip()[:1] in tuple("=+-@"):
        raise ValueError(f"must not start as a formula does ({shown(value)})")
    return value


def _template(value: str) -> str:
    if placeholders(value) != ["value"]:
        raise ValueError(f"must name {{value}} once and nothing else, not {shown(value)}")
    if re.match(r"\s*[-+\u2010-\u2015\u2212]\s+\{", value):
        raise ValueError(f"must not start with a sign before {{value}} ({shown(value)})")
    return untouched(value)


Number = Annotated[float, BeforeValidator(_number)]
Positive = Annotated[Number, Field(gt=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
Whole = Annotated[int, BeforeValidator(_whole)]
EMPTY = BeforeValidator(_optional)
"""Converts an empty cell to None: `Annotated[Number | None, EMPTY]`."""
Text = Annotated[str, BeforeValidator(_text), _length(20_000)]
"""Text without hidden characters."""
Line = Annotated[Text, AfterValidator(_line), _length(500)]
Id = Annotated[Line, AfterValidator(_id)]
Cell = Annotated[Line, AfterValidator(_no_formula)]
"""Text of a table cell, which other tables may include."""
VisibleText = Annotated[Text, AfterValidator(_visible)]
"""Text of a prompt, which looks the same in a viewer as to the model."""
PromptText = Annotated[VisibleText, AfterValidator(_no_answer)]
"""Text of a prompt without an answer line."""
PromptLine = Annotated[
    Line, AfterValidator(_visible), AfterValidator(_no_answer), _length(200, least=1)
]
ValueTemplate = Annotated[PromptLine, AfterValidator(_template)]
"""A template that contains `{value}` once, unchanged."""


def placeholders(template: str) -> list[str]:
    """Return the names of a template's placeholders, in order.

    Raises:
        ValueError: The template is malformed, or a placeholder is not a plain name: it has an
            index, an attribute, a conversion or a format.
    """
    names = []
    for _, name, spec, conversion in Formatter().parse(template):
        if name is None:
            continue
        if spec or conversion or not re.fullmatch(r"[a-z][a-z_]*", name):
            raise ValueError(
                f"may hold plain placeholders such as {{value}} only, not {shown(template)}"
            )
        names.append(name)
    return names


def untouched(template: str) -> str:
    """Return the template, after checking that text beside `{value}` does not change the value.

    Raises:
        ValueError: A digit, a sign or a point is adjacent to the placeholder.
    """
    if found := _PLACEHOLDER_LIMIT.search(template):
        raise ValueError(f"must not change the value: {shown(found[0])}")
    return template


def folded(text: str) -> str:
    """Return a text without invisible differences: case, spaces and encoding are normalised."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def shown(value: object) -> str:
    """Return an untrusted value for a message: short, on one line, hidden characters escaped."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(str(value)[:61])
    return text if len(str(value)) <= 60 else f"{text[:-2]}…'"


# --- Reading -----------------------------------------------------------------------------------


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Return the content of a regular file, or of a link to a regular file.

    Raises:
        UserError: The path is not a regular file, cannot be read or holds more than `limit` bytes.
    """
    try:
        mode = os.stat(path).st_mode
        # Reading a named pipe would wait, and reading a device may never end.
        if not stat.S_ISREG(mode):
            kind = "a folder, not a file" if stat.S_ISDIR(mode) else "not a regular file"
            raise UserError(f"{path} is {kind}")
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise UserError(f"{path} is too large: the limit is {limit:,} bytes")
    return data


Stamp = tuple[str, int, int]


def stamp(path: Path) -> Stamp:
    """Return a file's name, time and size, which change with its content; 0 for a missing file."""
    try:
        status = path.stat()
    except OSError:
        return path.name, 0, 0
    return path.name, status.st_mtime_ns, status.st_size


def without_bom(data: bytes) -> bytes:
    """Return content in the form for hashing: without a byte-order mark, with Unix line ends."""
    return data.removeprefix(_BOM).replace(b"\r\n", b"\n")


class InputFile:
    """A parsed file and its problems.

    Attributes:
        where: Name of the file in messages.
        value: The content: lists, mappings and text; empty for a table.
    """

    def __init__(self, where: str, data: bytes | str) -> None:
        self.where = where
        self.value: Any = None
        self._problems: dict[tuple[Place, str], None] = {}
        self._text = data if isinstance(data, str) else self._decode(data)

    def _decode(self, data: bytes) -> str:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            guess = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data else ""
            found = f" (it looks like {guess})" if guess else ""
            raise UserError(f"{self.where} is not text in UTF-8{found}; save it as UTF-8")
        return text

    def add(self, place: Place, problem: str) -> None:
        """Record a problem; equal problems count once."""
        self._problems[place, problem] = None

    def _line(self, place: Place) -> int | None:
        """Return the line of a place; None if unknown."""
        return None

    def _named(self, place: Place) -> Place:
        """Return the name of a place in messages."""
        return place

    def _written(self, place: Place, problem: str) -> str:
        """Return a problem, prefixed with its line and its key."""
        line = self._line(place)
        names = [repr(str(one)[:60])[1:-1] for one in self._named(place) if one != "[key]"]
        key = "".join(one if one.startswith("[") else f".{one}" for one in names).lstrip(".")
        at = ", ".join(filter(None, (f"line {line}" if line else "", key)))
        return f"{at} {problem}".strip()

    def check(self, form: type[F], value: object, at: Place = ()) -> F | None:
        """Return the value as a model; None, with its problems recorded, if validation fails."""
        try:
            return form.model_validate(value)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                self.add((*at, *one["loc"]), _in_words(form, one))
            return None

    def finish(self) -> None:
        """Raise all recorded problems as one error.

        Raises:
            UserError: A problem was recorded.
        """
        count = len(self._problems)
        found = [self._written(*one) for one in list(self._problems)[:_SHOWN_PROBLEMS]]
        if count == 1:
            raise UserError(f"{self.where}: {found[0]}")
        if count:
            rest = [f"{count - len(found)} more"] if count > len(found) else []
            raise UserError(f"{self.where} has {count} problems: {'; '.join([*found, *rest])}")

    def result(self, form: type[F]) -> F:
        """Return the whole content as a model.

        Raises:
            UserError: The content does not match the model, or another problem was recorded.
        """
        found = self.check(form, self.value)
        self.finish()
        assert found is not None
        return found


class YamlFile(InputFile):
    """A YAML file without anchors, aliases and tags."""

    def __init__(self, where: str, data: bytes | str) -> None:
        super().__init__(where, data)
        loader = None
        try:
            loader = _Loader(self._text)
            root = loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f"line {mark.line + 1}: " if mark else ""
            raise UserError(f"{where} is not valid YAML: {line}{error.problem}") from error
        except yaml.YAMLError as error:
            reason = str(error).strip().splitlines()[0]
            raise UserError(f"{where} is not valid YAML: {reason}") from error
        except (ValueError, OverflowError) as error:  # "\UFFFFFFFF", which is no character
            line = f"line {loader.line + 1}: " if loader else ""
            reason = f"{line}it cannot be parsed ({error})"
            raise UserError(f"{where} is not valid YAML: {reason}") from error
        self._root = root
        if root is not None:
            self.value = self._plain(root, ())

    def _line(self, place: Place) -> int | None:
        """Return the line, from 1, of the deepest existing node on the path of a place."""
        if (node := self._root) is None:
            return None
        line = node.start_mark.line
        for step in place:
            children: list[tuple[Any, yaml.Node, yaml.Node]] = []
            if isinstance(node, yaml.MappingNode):
                children = [(key.value, key, value) for key, value in node.value]
            elif isinstance(node, yaml.SequenceNode):
                children = [(index, one, one) for index, one in enumerate(node.value)]
            found = next((child for child in children if child[0] == step), None)
            if found is None:
                break
            line, node = found[1].start_mark.line, found[2]
        return int(line) + 1

    def _named(self, place: Place) -> Place:
        """Return a place's name; a list's entry is named by its id, or its number from 1."""
        names: list[str | int] = []
        value = self.value
        for step in place:
            if isinstance(value, list) and isinstance(step, int):
                value = value[step] if step < len(value) else None
                name = value.get("id") if isinstance(value, dict) else None
                usable = isinstance(name, str) and name.isidentifier()
                names.append(f"[{name:.60}]" if usable else f"[{step + 1}]")
            else:
                value = value.get(step) if isinstance(value, dict) else None
                names.append(step)
        return tuple(names)

    def _plain(self, node: yaml.Node, at: Place) -> Any:
        if isinstance(node, yaml.MappingNode):
            found: dict[str, Any] = {}
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    self.add(at, "has a key that is not text")
                elif key.value in found:
                    self.add(at, f"has the key {shown(key.value)} twice")
                else:
                    found[key.value] = None
                    found[key.value] = self._plain(value, (*at, key.value))
            # A key may be quoted, as in JSON, or not: both forms may represent a number.
            return {Plain(key): value for key, value in found.items()}
        if isinstance(node, yaml.SequenceNode):
            entries = [self._plain(one, (*at, index)) for index, one in enumerate(node.value)]
            seen: set[str] = set()
            for index, one in enumerate(entries):
                name = one.get("id") if isinstance(one, dict) else None
                if isinstance(name, str) and name in seen:
                    self.add((*at, index), f"has the id {shown(name)}, which is used twice")
                seen.add(str(name))
            return entries
        if node.tag == "tag:yaml.org,2002:null":
            return None
        quoted = isinstance(node, yaml.ScalarNode) and node.style
        return str(node.value) if quoted else Plain(node.value)


class JsonFile(InputFile):
    """A JSON file."""

    def __init__(self, where: str, data: bytes | str) -> None:
        super().__init__(where, data)
        try:
            self.value = json.loads(
                self._text,
                parse_float=Plain,
                parse_int=Plain,
                parse_constant=Plain,
                object_pairs_hook=self._mapping,
            )
        except json.JSONDecodeError as error:
            raise UserError(
                f"{where} is not valid JSON: line {error.lineno}: {error.msg}"
            ) from error
        except RecursionError as error:
            raise UserError(f"{where} is not valid JSON: it is nested too deeply") from error

    def _mapping(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                self.add((), f"has the key {shown(key)} twice")
            found[Plain(key)] = value
        return found


class TableFile(InputFile):
    """A CSV table with a row of column names.

    Attributes:
        columns: The column names, available after rows were read.
    """

    columns: Sequence[str] = ()

    def _line(self, place: Place) -> int | None:
        return place[0] if place and isinstance(place[0], int) else None

    def _named(self, place: Place) -> Place:
        return place[1:]

    def rows(self, form: type[F]) -> list[tuple[int, dict[str, str], F]]:
        """Return the valid rows, each as line, cells and model.

        Raises:
            UserError: The columns are not those of the model, or the table is not CSV.
        """
        rows = []
        for line, cells in self._cells(form):
            if (row := self.check(form, cells, (line,))) is not None:
                rows.append((line, cells, row))
            if len(self._problems) > 10 * _SHOWN_PROBLEMS:
                break
        return rows

    def _cells(self, form: type[F]) -> Iterator[tuple[int, dict[str, str]]]:
        reader = csv.reader(io.StringIO(self._text, newline=""), strict=True)
        line, cells = 1, 0
        try:
            self.columns = header = next(reader, [])
            if len(header) > MAX_COLUMNS:
                raise UserError(f"{self.where} has more than {MAX_COLUMNS:,} columns")
            self._check_header(header, form)
            line = reader.line_num + 1
            for row in reader:
                if not any(cell.strip() for cell in row):
                    row = []  # spreadsheets save an empty row as commas
                cells += max(len(row), 5)  # a row costs as much as five cells
                if cells > MAX_CELLS:
                    raise UserError(f"{self.where} has more than {MAX_CELLS:,} cells")
                if row and len(row) != len(header):
                    self.add((line,), f"has {len(row)} cells, the first line has {len(header)}")
                elif row:
                    yield line, dict(zip(header, map(Plain, row), strict=True))
                line = reader.line_num + 1
        except csv.Error as error:
            raise UserError(f"{self.where} is not valid CSV: line {line}: {error}") from error

    def _check_header(self, header: list[str], form: type[F]) -> None:
        fields = {info.alias or name: info for name, info in form.model_fields.items()}
        required = [name for name, info in fields.items() if info.is_required()]
        missing = [name for name in required if name not in header]
        other = [name for name in header if name not in fields]
        if len(header) == 1 and missing and (found := re.search(r"[;\t|]", header[0])):
            raise UserError(f"{self.where}: columns are separated by {found[0]!r}; use commas")
        if missing:
            self.add((), f"lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")
        if other and form.model_config.get("extra") != "allow":
            listed = ", ".join(map(shown, other[:5]))
            self.add((), f"has the unknown column {listed}; allowed: {', '.join(fields)}")
        if twice := sorted({name for name in header if header.count(name) > 1}):
            self.add((), f"has the column {shown(twice[0])} twice")
        self.finish()


def read_json(path: Path, form: type[F]) -> F:
    """Read a JSON file as a model.

    Raises:
        UserError: The file cannot be read or does not match the model.
    """
    return JsonFile(str(path), read_bytes(path)).result(form)


class _Loader(yaml.SafeLoader):
    """Composes YAML nodes; refuses constructs that make a small file large or deep."""

    depth = 0
    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        refused = None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            refused = "anchors and aliases (& and *) are not allowed; write each value out"
        elif getattr(event, "tag", None):
            refused = "tags (!) are not allowed; put such text in quotes"
        elif self.depth == MAX_DEPTH:
            refused = f"more than {MAX_DEPTH} levels of nesting"
        elif self.nodes == MAX_NODES:
            refused = f"more than {MAX_NODES:,} values"
        if refused:
            raise yaml.MarkedYAMLError(problem=refused, problem_mark=event.start_mark)
        self.nodes += 1
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


_WORDS = {
    "missing": "is missing",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must map keys to values",
    "model_type": "must map keys to values",
    "greater_than": "must be above {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be below {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "literal_error": "must be {expected}",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
}


def _in_words(form: type[BaseModel], error: Mapping[str, Any]) -> str:
    """Return a pydantic error as a message of this package."""
    kind, context, value = error["type"], error.get("ctx", {}), error.get("input")
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return f"is not known; allowed: {', '.join(_allowed(form, error['loc'][:-1]))}"
    if kind not in _WORDS:
        return str(error["msg"])
    text = _WORDS[kind].format(**context)
    return text if kind == "missing" else f"{text}, not {shown(value)}"


def _allowed(form: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """Return the keys of the model at a place."""
    if "root" in form.model_fields:
        form = _model_in(form.model_fields["root"].annotation) or form
    for step in place:
        info = form.model_fields.get(str(step))
        form = _model_in(info.annotation) or form if info else form
    return [info.alias or name for name, info in form.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
