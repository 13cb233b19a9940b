"""Read untrusted files in bounded time and memory, and check them with pydantic models.

Numbers stay text (`Plain`) until the field of a model parses them, so no type is guessed: `id: no`
is the text "no", and `0x10` is not a number. All problems of a file are raised as one `UserError`.
"""

import csv
import io
import json
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from kidney_evals.errors import UserError

MAX_TABLE_BYTES = 4_000_000
"""Size limit of a table of people's answers or estimates."""

# Limits far above any real study, wording table or price file. A YAML value takes a tenth of a
# millisecond, a cell some hundredths.
_MAX_BYTES = 500_000
_MAX_COLUMNS = 1000
_MAX_CELLS = 300_000
_MAX_DEPTH = 20
_MAX_NODES = 20_000

_SHOWN_PROBLEMS = 10

Place = tuple[str | int, ...]
"""Path of a value: keys and indices from the root; for a table, line number and column."""

F = TypeVar("F", bound=BaseModel)


class Plain(str):
    """Text that a field may parse as a number: a scalar without quotes, a key or a table cell."""


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
ANSWER_LINE = re.compile(
    r"\b(?i:answer|antwort|r[ée]ponse|respuesta)\W{0,5}[:=\uff1a]\W{0,5}"
    r"(?:\w\b|[A-ZÀ-Þ]{2,}\b|(?i:coin|patient)\b)"
)
"""Matches an answer line, or text that resembles one, in each language of the package."""

_DIGIT = r"[\d\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209f\u2150-\u218f]"
_TOUCHES_VALUE = re.compile(
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
    if abs(float(value)) > 1e15:
        raise ValueError(f"is too large ({shown(value)})")
    return float(value)


def _whole(value: object) -> object:
    if type(value) is int:
        return value
    if not isinstance(value, Plain) or not _WHOLE.fullmatch(value.strip()):
        raise ValueError(f"must be a whole number, not {shown(value)}")
    return int(value.partition(".")[0])


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


def _without(
    pattern: str | re.Pattern[str], problem: str, form: Callable[[str], str] = str
) -> AfterValidator:
    """Return a validator that refuses a text whose `form` holds `pattern`."""

    def check(value: str) -> str:
        if found := re.search(pattern, form(value)):
            raise ValueError(f"{problem} ({shown(found[0])})")
        return value

    return AfterValidator(check)


def _compatible(value: str) -> str:
    return unicodedata.normalize("NFKC", value)


def _without_placeholders(value: str) -> str:
    # A placeholder is no answer: "your answer: {line}" is not an answer line.
    return re.sub(r"\{\w+\}", "\u2026" * 6, _compatible(value))


def _template(value: str) -> str:
    if placeholders(value) != ["value"]:
        raise ValueError(f"must name {{value}} once and nothing else, not {shown(value)}")
    if re.match(r"\s*[-+\u2010-\u2015\u2212]\s+\{", value):
        raise ValueError(f"must not start with a sign before {{value}} ({shown(value)})")
    return untouched(value)


_ID = r"\A(?![A-Za-z0-9][A-Za-z0-9_.\-]{0,99}\Z)(?s:.*)"
_NO_MARKUP = _without(_MARKUP, "must hold no markup that can hide text")
_NO_GAP = _without(
    r"[^\S\n]{10}|(?:[^\S\n]*\n){5}", "must hold no more than 9 spaces or 4 line breaks in a row"
)
_NO_ANSWER = _without(ANSWER_LINE, "must hold no answer line", _without_placeholders)

Number = Annotated[float, BeforeValidator(_number)]
Positive = Annotated[Number, Field(gt=0)]
Share = Annotated[Number, Field(ge=0, le=1)]
Whole = Annotated[int, BeforeValidator(_whole)]
EMPTY = BeforeValidator(lambda value: None if value == "" else value)
"""Converts an empty cell to None: `Annotated[Number | None, EMPTY]`."""
Text = Annotated[str, BeforeValidator(_text), _length(20_000)]
"""Text without hidden characters."""
Line = Annotated[
    Text, _without("[\n\t\u2028\u2029]", "must be one line without tabs"), _length(500)
]
Id = Annotated[Line, _without(_ID, "must have letters, digits, _, . and - only")]
Cell = Annotated[Line, _without(r"\A\s*[=+@-].*", "must not start as a formula does", _compatible)]
"""Text that any table may include as a cell: one line that does not start as a formula does."""
VisibleText = Annotated[Text, _NO_MARKUP, _NO_GAP]
"""Text of a prompt without markup, long gaps or other means to hide a part of it in a viewer."""
PromptText = Annotated[VisibleText, _NO_ANSWER]
"""Text of a prompt without an answer line."""
PromptLine = Annotated[Line, _NO_MARKUP, _NO_GAP, _NO_ANSWER, _length(200, least=1)]
ValueTemplate = Annotated[PromptLine, AfterValidator(_template)]
"""A template with `{value}` once, no other placeholder, and no text that alters the number."""


def placeholders(template: str) -> list[str]:
    """Return the names of a template's placeholders, in their order.

    Raises:
        ValueError: A placeholder has an index, an attribute, a conversion, a format or no name.
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
    """Return a template unchanged.

    Raises:
        ValueError: The text around a placeholder alters the number in it, as a sign or a digit that
            touches it does: `-{value}`, `9{value}`, `{value}.5`.
    """
    if found := _TOUCHES_VALUE.search(template):
        raise ValueError(f"must not change the value: {shown(found[0])}")
    return template


def folded(text: str) -> str:
    """Return a text for comparison, with case, spaces and Unicode forms (NFKC) normalised."""
    return " ".join(_compatible(text).casefold().split())


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


def typed_path(name: str) -> Path:
    """Return the path of a file that a user named.

    If there is no such file, the path begins at the folder where the command was typed.
    """
    # Inspect changes to a task file's folder. `Path.expanduser` would refuse "~nobody".
    place = Path(os.path.expanduser(name))
    return place if os.path.lexists(place) else Path(os.environ.get("PWD", ".")) / place


def read_bytes(path: Path, limit: int = _MAX_BYTES) -> bytes:
    """Return the content of a regular file, or of a link to one.

    Raises `UserError` if it is larger than `limit` bytes, cannot be read, or is no regular file.
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
    """Return a file's name, modification time in ns and size in bytes, to detect changes.

    The time and the size are 0 if the file is missing.
    """
    try:
        status = path.stat()
    except OSError:
        return path.name, 0, 0
    return path.name, status.st_mtime_ns, status.st_size


def without_bom(data: bytes) -> bytes:
    """Return content in the form for hashing: without a byte-order mark, with Unix line ends."""
    return data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")


class FileError(UserError):
    """The problems of one file, each with its place; the message has the first ten of them."""

    def __init__(self, where: str, problems: Sequence[str]) -> None:
        self.where, self.problems = where, tuple(problems)
        shown = [*problems[:_SHOWN_PROBLEMS]]
        if more := len(problems) - len(shown):
            shown.append(f"{more} more")
        count = "" if len(problems) == 1 else f" has {len(problems)} problems"
        super().__init__(f"{where}{count}: {'; '.join(shown)}")


class InputFile:
    """A parsed file and its problems.

    Args:
        where: The name of the file in messages.
        data: The content.

    Attributes:
        value: The content as lists, mappings and text; None for a table.

    Raises:
        UserError: The content is not UTF-8 or cannot be parsed.
    """

    value: Any = None  # the content: lists, mappings and text; None for a table

    def __init__(self, where: str, data: bytes | str) -> None:
        self.where = where
        self._problems: dict[tuple[Place, str], None] = {}
        self._lines: dict[Place, int] = {}
        try:
            self._text = data if isinstance(data, str) else data.decode("utf-8-sig")
        except UnicodeDecodeError:
            self._text = "\0"
        if "\0" in self._text and isinstance(data, bytes):
            looks = data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data
            guess = " (it looks like UTF-16)" if looks else ""
            raise UserError(f"{where} is not text in UTF-8{guess}; save it as UTF-8")

    def add(self, place: Place, problem: str) -> None:
        """Record a problem of the value at a place; equal problems at one place count once."""
        self._problems[place, problem] = None

    def _at(self, place: Place) -> tuple[int | None, str]:
        """Return the line of the deepest part of a path that has one, and the entry's name.

        An entry of a list is named by its id or its number from 1.
        """
        prefixes = (place[:end] for end in range(len(place), -1, -1))
        line = next((self._lines[one] for one in prefixes if one in self._lines), None)
        value, key = self.value, ""
        for step in place:
            if isinstance(value, list) and isinstance(step, int):
                value = value[step] if step < len(value) else None
                name = value.get("id") if isinstance(value, dict) else None
                usable = isinstance(name, str) and name.isidentifier()
                key += f"[{name:.60}]" if usable else f"[{step + 1}]"
            else:
                value = value.get(step) if isinstance(value, dict) else None
                # A text that serves for every language has the key "".
                key += "" if step in ("", "[key]") else f".{_escaped(step)}"
        return line, key.removeprefix(".")

    def check(self, form: type[F], value: object, at: Place = ()) -> F | None:
        """Return `value`, which is at the place `at` of the file, as the model `form`.

        If the value is invalid, record its problems and return None.
        """
        try:
            return form.model_validate(value)
        except ValidationError as error:
            for one in error.errors(include_url=False):
                # pydantic does not count invalid entries of a tuple.
                if one["type"] != "too_short" or len(one["input"]) < one["ctx"]["min_length"]:
                    self.add((*at, *one["loc"]), in_words(form, one))
            return None

    def finish(self) -> None:
        """Raise all recorded problems, if any, as one `FileError`."""
        texts = []
        for place, problem in self._problems:
            line, key = self._at(place)
            at = ", ".join(filter(None, (f"line {line}" if line else "", key)))
            texts.append(f"{at} {problem}".strip())
        if texts:
            raise FileError(self.where, texts)

    def result(self, form: type[F]) -> F:
        """Return the whole content as the model `form`.

        Raises:
            FileError: The file has problems; the message has the first ten.
        """
        checked = self.check(form, self.value)
        self.finish()
        assert checked is not None
        return checked


class YamlFile(InputFile):
    """A YAML file; anchors, aliases and tags raise `UserError`."""

    def __init__(self, where: str, data: bytes | str) -> None:
        super().__init__(where, data)
        try:
            loader = _Loader(self._text)
            root = loader.get_single_node()
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            line, reason = None, str(error).strip().partition("\n")[0]
            if isinstance(error, yaml.MarkedYAMLError):
                mark = error.problem_mark or error.context_mark
                line, reason = mark.line if mark else None, str(error.problem)
                if reason == "mapping values are not allowed here":
                    reason = (
                        "a text that holds a colon must be in double quotes, or the indent is wrong"
                    )
            elif not isinstance(error, yaml.YAMLError):  # "\UFFFFFFFF", which is no character
                line, reason = loader.line, f"it cannot be parsed ({error})"
            at = "" if line is None else f"line {line + 1}: "
            raise UserError(f"{where} is not valid YAML: {at}{reason}") from error
        self.value = None if root is None else self._plain(root, ())

    def _plain(self, node: yaml.Node, at: Place) -> Any:
        self._lines.setdefault(at, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Any] = {}
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    self.add(at, "has a key that is not text")
                elif key.value in mapping:
                    self.add(at, f"has the key {shown(key.value)} twice")
                else:
                    self._lines[(*at, key.value)] = key.start_mark.line + 1
                    # A key may be quoted, as in JSON, or not: both forms may represent a number.
                    mapping[Plain(key.value)] = self._plain(value, (*at, key.value))
            return mapping
        if isinstance(node, yaml.SequenceNode):
            entries = [self._plain(one, (*at, index)) for index, one in enumerate(node.value)]
            ids = [one.get("id") if isinstance(one, dict) else None for one in entries]
            for index, name in enumerate(ids):
                if isinstance(name, str) and name in ids[:index]:
                    self.add((*at, index), f"has the id {shown(name)}, which is used twice")
            return entries
        if node.tag == "tag:yaml.org,2002:null":
            return None
        quoted = isinstance(node, yaml.ScalarNode) and node.style
        return str(node.value) if quoted else Plain(node.value)


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
        elif self.depth == _MAX_DEPTH:
            refused = f"more than {_MAX_DEPTH} levels of nesting"
        elif self.nodes == _MAX_NODES:
            refused = f"more than {_MAX_NODES:,} values"
        if refused:
            raise yaml.MarkedYAMLError(problem=refused, problem_mark=event.start_mark)
        self.nodes += 1
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class JsonFile(InputFile):
    """A JSON file."""

    def __init__(self, where: str, data: bytes | str) -> None:
        super().__init__(where, data)
        hooks: dict[str, Any] = {"object_pairs_hook": self._mapping}
        hooks |= dict.fromkeys(("parse_float", "parse_int", "parse_constant"), Plain)
        try:
            self.value = json.loads(self._text, **hooks)
        except (json.JSONDecodeError, RecursionError) as error:
            reason = "it is nested too deeply"
            if isinstance(error, json.JSONDecodeError):
                reason = f"line {error.lineno}: {error.msg}"
            raise UserError(f"{where} is not valid JSON: {reason}") from error

    def _mapping(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in pairs:
            if key in mapping:
                self.add((), f"has the key {shown(key)} twice")
            mapping[Plain(key)] = value
        return mapping


def read_json(path: Path, form: type[F]) -> F:
    """Read a JSON file as the model `form`.

    Raises:
        UserError: The file cannot be read, is not valid JSON, or does not match the model.
    """
    return JsonFile(str(path), read_bytes(path)).result(form)


class TableFile(InputFile):
    """A CSV table with a row of column names."""

    columns: Sequence[str] = ()  # available after rows were read

    def _at(self, place: Place) -> tuple[int | None, str]:
        return (int(place[0]) if place else None), ".".join(map(_escaped, place[1:]))

    def rows(self, form: type[F], most: int = _MAX_CELLS) -> list[tuple[int, dict[str, str], F]]:
        """Return each valid row as its line number, its cells by column, and as the model `form`.

        Problems of rows are recorded for `finish`. After about a hundred problems no further row is
        read.

        Raises:
            UserError: The header is wrong, the CSV is malformed, or it has more than `most` cells.
        """
        reader = csv.reader(io.StringIO(self._text, newline=""), strict=True)
        rows: list[tuple[int, dict[str, str], F]] = []
        line, count = 1, 0
        try:
            self.columns = header = next(reader, [])
            self._check_header(header, form)
            line = reader.line_num + 1
            for row in reader:
                if not any(cell.strip() for cell in row):
                    row = []  # spreadsheets save an empty row as commas
                count += max(len(row), 5)  # a row costs as much as five cells
                if count > most:
                    raise UserError(f"{self.where} has more than {most:,} cells")
                if row and len(row) != len(header):
                    self.add((line,), f"has {len(row)} cells, the first line has {len(header)}")
                elif row:
                    cells: dict[str, str] = dict(zip(header, map(Plain, row), strict=True))
                    if (checked := self.check(form, cells, (line,))) is not None:
                        rows.append((line, cells, checked))
                    if len(self._problems) > 10 * _SHOWN_PROBLEMS:
                        break
                line = reader.line_num + 1
        except csv.Error as error:
            raise UserError(f"{self.where} is not valid CSV: line {line}: {error}") from error
        return rows

    def _check_header(self, header: list[str], form: type[F]) -> None:
        if len(header) > _MAX_COLUMNS:
            raise UserError(f"{self.where} has more than {_MAX_COLUMNS:,} columns")
        fields = {info.alias or name: info for name, info in form.model_fields.items()}
        missing = [name for name in fields if fields[name].is_required() and name not in header]
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


def _escaped(step: str | int) -> str:
    return repr(str(step)[:60])[1:-1]


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


def in_words(form: type[BaseModel], error: Mapping[str, Any]) -> str:
    """Return the message of this package for an entry of pydantic's `ValidationError.errors()`.

    `form` is the model that was validated.
    """
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return f"is not known; allowed: {', '.join(_allowed(form, error['loc'][:-1]))}"
    if kind not in _WORDS:
        return str(error["msg"])
    text = _WORDS[kind].format(**context)
    given = len(value) if kind in ("too_short", "too_long") else shown(value)
    return text if kind == "missing" else f"{text}, not {given}"


def _allowed(form: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """Return the keys of the model at a place."""
    steps = ["root", *place] if "root" in form.model_fields else place
    for step in steps:
        info = form.model_fields.get(str(step))
        form = (info and _model_in(info.annotation)) or form
    return [info.alias or name for name, info in form.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
