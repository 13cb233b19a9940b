"""Reduce a completion to plain lines without hidden reasoning, struck-out text and markup.

Boxes, fields and answer tags are marked; an answer that is corrected on its own line is replaced.
Every expression is bounded, so that reading takes linear time.
"""

import html
import re
import unicodedata
from typing import NamedTuple

from kidney_evals.elicitation.form import USUAL, Form
from kidney_evals.elicitation.reading.forms import in_usual_form
from kidney_evals.elicitation.reading.hidden import split_hidden
from kidney_evals.elicitation.reading.vocabulary import compiled

OPEN, CLOSE = "\ue000", "\ue001"
"""Private-use characters put around the value of a box, a JSON field or an answer tag."""


class Plain(NamedTuple):
    """A completion without its markup. All offsets are those of `lines`."""

    lines: str
    prose: str  # `lines` with a space for each line break inside a paragraph
    hidden_open: bool  # hidden reasoning began and never ended
    quoted: list[tuple[int, int]]  # quotations and block quotes
    paragraphs: frozenset[int]  # offsets of the lines that follow a blank line


_NEW_TURN = re.compile(
    r"<\|im_start\|>\s*user|<\|start_header_id\|>\s*user|<start_of_turn>\s*user|\[INST\]"
)
_ASSISTANT = re.compile(
    r"<\|im_start\|>\s*assistant|<\|start_header_id\|>\s*assistant<\|end_header_id\|>"
    r"|<start_of_turn>\s*model|\[/INST\]"
)
_SPECIAL = re.compile(r"<\|[A-Za-z0-9_ ]{1,40}\|>|<(?:start|end)_of_turn>|\[/?INST\]")


def _own_turn(text: str) -> str:
    """Return the model's own turn, without special tokens, a prompt or an invented user turn."""
    if turn := _NEW_TURN.search(text):
        before = text[: turn.start()]
        reply = _ASSISTANT.search(text, turn.end())
        if _SPECIAL.sub("", before).strip():
            text = before
        elif reply:
            text = text[reply.end() :]
    return _SPECIAL.sub("\n", text)


_HIDDEN = dict.fromkeys(
    [0x00AD, 0xFEFF, ord(OPEN), ord(CLOSE), *range(0x0300, 0x0370), *range(0x200B, 0x2010),
     *range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFE00, 0xFE10)]
)  # fmt: skip
_LOOKALIKES = {
    "'": "\u2018\u2019\u201a\u201b",
    '"': "\u201c\u201d\u201e\u201f\u2039\u203a\u00ab\u00bb\u300c\u300d\u300e\u300f",
    "[": "\u3010",
    "]": "\u3011",
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212",
    ">": "\u2192\u21d2\u27a1\u279c\u2794",
    "A": "\u0410\u0391\U0001f170",
    "B": "\u0412\u0392\U0001f171",
    " coin ": "\U0001fa99",
    "\n": "\x85\u2028\u2029",
    ". ": "\u3002",
}
_USUAL = _HIDDEN | str.maketrans(
    {sign: usual for usual, signs in _LOOKALIKES.items() for sign in signs}
)
_TEX_QUOTE = re.compile(r"(?<!`)``(?!`)([^`'\n]{1,400})''")
_ANSI = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_ESCAPED_BREAK = re.compile(r"\\n(?![a-z])")


def _plain_characters(text: str) -> str:
    # NFC composes a letter and its accent, which `_HIDDEN` would drop.
    text = unicodedata.normalize("NFC", html.unescape(text))
    if not text.isascii():
        # Before NFKC, which decomposes some of these characters, and again after it.
        text = unicodedata.normalize("NFKC", text.translate(_USUAL)).translate(_USUAL)
    text = _ANSI.sub("", _TEX_QUOTE.sub(r'"\1"', text))
    text = re.sub(r"\r\n|[\r\x0b\x0c]", "\n", text)
    # "\boxed" whose "\b" was decoded as a control character.
    text = text.replace("\x08oxed{", "\\boxed{")
    return _CONTROL.sub(" ", _ESCAPED_BREAK.sub("\n", text))


_STRUCK_LETTERS = re.compile("(?:[^\n\u0335-\u0338][\u0335-\u0338]{1,3})+")
_STRUCK = re.compile(
    r"(?<![\w~])~(?=[^\s~\d])[^~\n]{1,200}(?<=\S)~(?![\w~])|\{--[^{}]{1,300}--\}"
    r"|\\(?:sout|st|[bx]?cancel|xout|strikeout)\s?\{[^{}]{0,200}(?:\{[^{}]{0,100}\}[^{}]{0,100})?\}"
)
_STRIKES = re.compile(
    r"<(?P<end>/?)(?P<tag>s|del|strike)\b[^<>]{0,200}>|\[(?P<stop>/?)(?P<code>s|strike|del)\]"
    r"|<span\b[^<>]{0,200}line-through[^<>]{0,200}>|(?P<span></span\s?>)"
    r"|(?P<tildes>(?<!~)~~(?!~))|(?P<blank>\n\s{0,40}\n)",
    re.IGNORECASE,
)
_BEGIN = re.compile(r"\A\s{0,20}<s>(?=\s)")
"""The token of some models at the beginning of a text; it strikes nothing out."""


def _without_struck(text: str) -> str:
    """Return a text without the parts that Markdown, HTML, BBCode or LaTeX strikes out."""
    text = _STRUCK.sub(" ", _BEGIN.sub(" ", text))
    parts: list[str] = []
    start = 0
    begun: tuple[str, int] | None = None
    for mark in _STRIKES.finditer(text):
        name = (mark["tag"] or mark["code"] or ("~~" if mark["tildes"] else "span")).lower()
        ends = bool(mark["end"] or mark["stop"] or mark["span"])
        if mark["blank"]:
            begun = None if begun and begun[0] == "~~" else begun
        elif begun is None:
            begun = None if ends else (name, mark.start())
        elif begun[0] == name and (ends or name == "~~"):
            parts += [text[start : begun[1]], " "]
            start, begun = mark.end(), None
    return "".join([*parts, text[start:]])


_BOX = re.compile(r"\\{0,2}\bf?box(?:ed)?\s{0,3}\{")
_LATEX = re.compile(
    r"\\(?:text[a-z]{0,8}|math[a-z]{1,8}|mbox|operatorname|large|Large|LARGE|huge|Huge|bf|rm|it|"
    r",|;|!|quad|qquad|[()\[\]])(?![a-zA-Z])"
)


def _mark_boxes(text: str) -> str:
    parts: list[str] = []
    start = 0
    for box in _BOX.finditer(text):
        if box.start() < start:
            continue
        depth, end = 1, box.end()
        limit = min(len(text), end + 160)
        while end < limit and depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        if depth:
            continue
        parts += [text[start : box.start()], OPEN, text[box.end() : end - 1], CLOSE]
        start = end
    return "".join(parts) + text[start:]


_FIELD_NAMES = frozenset(
    {
        "answer", "finalanswer", "choice", "finalchoice", "decision", "finaldecision", "verdict",
        "selection", "selected", "selectedpatient", "chosenpatient", "patientchosen", "chosen",
        "selectedoption", "recipient", "pick", "recommendation", "response", "result", "output",
    }
)  # fmt: skip
"""Names of JSON fields and of tags that hold an answer, lower case, without separators."""

_FIELD = re.compile(
    r"""["']([A-Za-z][\w -]{1,24})["']\s{0,4}[:=]\s{0,4}
    (\[\s{0,3})?(?:"((?:[^"\\]|\\.){0,400})"|'([^'\n]{0,80})'|([A-Za-z]{1,12}\b))(?(2)\s{0,3}\])""",
    re.VERBOSE,
)
_ONLY_FIELD = re.compile(r"""\s*\{\s*["']patient["']\s*:\s*["']([^"'{}]{1,20})["']\s*\}\s*""")
_NEXT_FIELD = re.compile(r"""(?<=["'])\s{0,4},\s{0,4}(?=["'][\w -]{1,40}["']\s{0,4}:)""")
_SEPARATORS = re.compile(r"[\s_.-]")


def _name(raw: str) -> str:
    return _SEPARATORS.sub("", raw).lower()


def _mark_fields(text: str) -> str:
    if only := _ONLY_FIELD.fullmatch(text[:200]):
        return f"{OPEN}{only[1]}{CLOSE}"

    def mark(field: re.Match[str]) -> str:
        if _name(field[1]) not in _FIELD_NAMES:
            return field[0]
        value = field[3] or field[4] or field[5] or ""
        # A long string is prose with its own sentences, perhaps with its own answer line.
        return f"\n{value}\n" if len(value) > 60 else f"\n{OPEN}{value}{CLOSE}\n"

    return _NEXT_FIELD.sub("\n", _FIELD.sub(mark, text))


_TAG = re.compile(r"<\s?(/?)\s?([A-Za-z][\w.-]{0,30})(\s[^<>]{0,200}?)?/?>")
_INLINE = frozenset(
    {"b", "i", "em", "strong", "u", "span", "code", "mark", "big", "small", "font", "tt", "kbd",
     "sub", "sup", "ins", "samp"}
)  # fmt: skip


def _unwrap_tags(text: str) -> str:
    lowered = text.lower()
    closed = {name for name in ("a", "b", "coin") if f"</{name}>" in lowered}

    def unwrap(tag: re.Match[str]) -> str:
        slash, name, rest = tag[1], tag[2].lower(), tag[3] or ""
        if name in ("a", "b", "coin") and not rest.strip() and name not in closed:
            return f" {tag[2]} "
        if rest.strip() and "=" not in rest:
            # A placeholder in angle brackets, such as <A or B>: its words count.
            return f" {tag[2]}{rest} "
        if name in _INLINE or name == "a":
            return ""
        if name in ("q", "blockquote"):
            return '"'
        if _name(name) in _FIELD_NAMES:
            return CLOSE + "\n" if slash else "\n" + OPEN
        return "\n"

    return _TAG.sub(unwrap, text)


_MARKS = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}|[{OPEN}{CLOSE}]")


def _settle_mark(mark: re.Match[str]) -> str:
    """Return marks around a short text; line breaks for unpaired marks and around other texts."""
    value = " ".join((mark[1] or "").split())
    if 0 < len(value) <= 60:
        return f"{OPEN}{value}{CLOSE}"
    return "\n" if mark[1] is None else f"\n{mark[1]}\n"


_FENCE = re.compile(r"\s{0,8}(?:```|~~~)[\w+-]{0,20}\s*")
_LEAD = re.compile(
    r"\A(?:[\s>]|=(?=>)|#{1,6}(?=[\s*\w])|[-+*\u2022\u25cf\u25aa\u2023\U0001f449](?=\s)|\d{1,2}[.)](?=\s))*"
)
_CHECKED = re.compile(r"\[\s?[xX\u2713\u2714]\s?\]|[\u2611\u2705\u2714\u2713]")
_UNCHECKED = re.compile(r"\[\s\]|\u2610|\u2b1c|\u25a1")
_LABELLED = re.compile(r"(?i:[\s*_`'\"(\[]{0,4}(?:\w{1,12} ){0,2}answer\b)")
_RULE = re.compile(r"[\s|:=_*-]*")
_DROP = str.maketrans(dict.fromkeys("*`$\\#", "") | {"_": " ", "{": " ", "}": " ", "\t": " "})


def _last_option(corrected: re.Match[str]) -> str:
    """Return the last of the options that a correction names."""
    flips = re.match(r"(?i:flip|toss)\s", corrected[0])
    return f"choose {corrected['last']}" if flips else corrected["last"]


_QUOTED = re.compile(
    r"""(?<![\w"])(?<!["']:)(?<!["']:\s)"[^"]{1,1000}"|(?<![\w'])(?<!["']:)(?<!["']:\s)'(?=\w)"""
    r"""(?:[^'\n]|(?<=\w)'(?=\w)){1,400}'(?!\w)"""
)
"""A quotation, but not a JSON value."""


def plain(text: str, form: Form = USUAL) -> Plain:
    """Reduce a completion to plain lines in the form `USUAL`; `form` is the form of its answer."""
    parts = split_hidden(_plain_characters(_STRUCK_LETTERS.sub(" ", text)))
    shown = in_usual_form(_without_struck(_own_turn(parts.visible)), form)
    shown = _LATEX.sub("", _mark_boxes(shown))
    return _plain_lines(_MARKS.sub(_settle_mark, _unwrap_tags(_mark_fields(shown))), parts.open)


def _plain_lines(text: str, hidden_open: bool) -> Plain:
    lines: list[str] = []
    breaks: list[str] = []
    quoted: list[tuple[int, int]] = []
    paragraphs: set[int] = set()
    at, last, blank, soft = 0, "", False, False
    boxes = bool(_UNCHECKED.search(text))
    for raw in text.split("\n"):
        blank = blank or not raw
        if raw and raw == last:
            # A model caught in a loop.
            continue
        last = raw or last
        line = _LEAD.sub("", raw, count=1)
        marked = bool(raw.removesuffix(line).strip())
        if _FENCE.fullmatch(raw) or (boxes and _UNCHECKED.match(line)):
            line = ""
        elif boxes and (checked := _CHECKED.match(line)):
            line = f"{OPEN}{line[checked.end() :].strip()[:60]}{CLOSE}"
        if line.startswith("|"):
            marked, line = True, " : ".join(cell.strip() for cell in line.strip("| ").split("|"))
        bold = line.startswith("**") and line.rstrip().endswith("**")
        titled = bold or (marked and "#" in raw[:8]) or bool(_LABELLED.match(line))
        line = line.translate(_DROP).strip()
        line = compiled("corrected").sub(_last_option, line)
        line = compiled("sorry_other").sub(r"\1 or \2", line)
        line = compiled("not_but").sub(r"\g<last>", line)
        if _RULE.fullmatch(line):
            soft = False
            continue
        if lines:
            breaks.append(" " if soft and not marked and not titled else "\n")
        if raw.lstrip().startswith(">"):
            quoted.append((at, at + len(line)))
        if blank:
            paragraphs.add(at)
            blank = False
        at += len(line) + 1
        lines.append(line)
        soft = not titled and line[-1] not in ".:;!?" + CLOSE
    prose = "".join(line + gap for line, gap in zip(lines, [*breaks, ""], strict=False))
    whole = "\n".join(lines)
    quoted += [match.span() for match in _QUOTED.finditer(whole)]
    return Plain(whole, prose, hidden_open, sorted(quoted), frozenset(paragraphs))


def excerpt(text: str, longest: int = 80) -> str:
    """Return at most `longest` characters from the beginning of a text, on one line.

    Characters that would break a table of a report are left out. A shortened text ends in "...".
    """
    words = " ".join(re.sub(f'[{OPEN}{CLOSE}|`*<>\\[\\]"]', " ", text[:160]).split())
    return words if len(words) <= longest else words[: longest - 3].rstrip() + "..."
