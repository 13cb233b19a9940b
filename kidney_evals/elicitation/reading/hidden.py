"""Hidden reasoning inside a completion: the delimiters that models write around it.

An opening delimiter hides the text up to its closing delimiter, or to the end of the text. A
closing delimiter that was never opened hides all the text before it, since some chat templates put
the opening delimiter into the prompt.
"""

import re
from typing import NamedTuple

_HEAD = (
    r"thinking|think|thoughts?|reasoning|reason|scratch[_ -]?pad|analysis|reflection|monologue|"
    r"deliberation|cot"
)
"""Words that name hidden reasoning; in a tag, other words may precede and follow them."""
_NAME = rf"(?:[a-z]{{1,20}}[:._-]|ant|inner|internal){{0,3}}(?:{_HEAD})(?:[_-][a-z]{{1,20}}){{0,3}}"
_OF = r"[_\u2581 ]?of[_\u2581 ]?"
_CHANNEL = r"(?:<\|start\|>\s?assistant\s?)?<\|channel\|?>\s?"
_MESSAGE = r"\b[^<>\n]{0,60}(?:<\|constrain\|>\s?\w{0,20}\s?)?(?:<\|message\|>)?"
_NEVER = r"(?!)"

# For each kind of delimiter, the patterns (ignoring case) of the text before the reasoning, the
# text after it, and the text before a visible answer, which hides all the text before it.
DELIMITERS = (
    # Tags with any prefix, attributes and spaces: <think>, <mm:think>, <inner_monologue>.
    (
        rf"<\s{{0,3}}{_NAME}(?:\s[^<>]{{0,200}})?(?<!/)>",
        rf"<\s{{0,3}}/\s{{0,3}}{_NAME}\s{{0,3}}>",
        _NEVER,
    ),
    # Brackets; [Analysis] on a line of its own is a heading.
    (
        rf"\[\s?(?:(?:thinking|think|thoughts?)\s?\]|{_NAME}\s?\](?=\S))",
        rf"\[\s?/\s?{_NAME}\s?\]",
        r"\[BEGIN FINAL RESPONSE\]",
    ),
    # Kimi.
    (r"◁\s?think\s?▷", r"◁\s?/\s?think\s?▷", _NEVER),
    # Special tokens: <|START_THINKING|>, <|begin_of_thought|>, <|think|>.
    (
        rf"<\|\s?(?:start_|begin_|begin{_OF}|start{_OF}|im_)?(?:{_HEAD})(?:_start)?\s?\|>"
        r"|<\|im_start\|>\s?think\b|<unused94>(?:thought\b)?",
        rf"<\|\s?(?:/|end_|end{_OF}|/im_)(?:{_HEAD})\s?\|>|<\|\s?(?:{_HEAD})_end\s?\|>"
        r"|<unused95>",
        rf"<\|\s?(?:begin{_OF}|start_)(?:solution|response|answer)\s?\|>|<\|im_start\|>\s?answer\b",
    ),
    # Channels (gpt-oss, Gemma).
    (
        rf"{_CHANNEL}(?:analysis|commentary|thought){_MESSAGE}",
        r"<channel\|>",
        rf"{_CHANNEL}(?:final|response){_MESSAGE}",
    ),
    # Channels decoded without special tokens: analysis…assistantfinal….
    (
        r"(?-i:\A\s{0,20}(?:analysis|commentary)(?=[^\W_]|[\"'(*\u2018\u201c])"
        r"|assistant(?:analysis|commentary))",
        _NEVER,
        r"(?-i:assistantfinal|\A\s{0,20}final(?=ANSWER|[A-Z][a-z]|\*\*))",
    ),
)
"""All delimiters of hidden reasoning: its beginning, its end, the beginning of an answer."""

_ANY = re.compile(
    "|".join(
        f"(?P<o{number}>{opens})|(?P<c{number}>{closes})|(?P<a{number}>{answers})"
        for number, (opens, closes, answers) in enumerate(DELIMITERS)
    ),
    re.IGNORECASE,
)
_WORD = re.compile(_HEAD, re.IGNORECASE)


class Split(NamedTuple):
    """The text outside and inside of hidden reasoning, and whether the reasoning never ended."""

    visible: str
    hidden: str
    open: bool


def split_hidden(text: str) -> Split:
    """Split a completion into visible text and hidden reasoning."""
    visible: list[str] = []
    hidden: list[str] = []
    inside: list[str] = []
    start = 0
    for mark in _ANY.finditer(text):
        group = mark.lastgroup or ""
        key = group[1:]
        if key == "0" and (head := _WORD.search(mark[0])):
            # The word that pairs an opening tag with its closing tag.
            key = "think" if head[0][:2].lower() == "th" else head[0].lower()
        piece, start = text[start : mark.start()], mark.end()
        (hidden if inside else visible).append(piece)
        if group[0] == "o":
            # Some models repeat the opening delimiter, so equal delimiters do not nest.
            if key not in inside:
                inside.append(key)
        elif group[0] == "c" and key in inside:
            del inside[inside.index(key) :]
        else:
            hidden += visible
            visible.clear()
            inside.clear()
    (hidden if inside else visible).append(text[start:])
    shown, thought = ("\n".join(one for one in part if one) for part in (visible, hidden))
    return Split(shown, thought, bool(inside))


def without_delimiters(text: str) -> str:
    """Return a text with a line break in place of each delimiter."""
    return _ANY.sub("\n", text)
