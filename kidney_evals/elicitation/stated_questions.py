"""The questions of `stated_values`, rendered from their table in a study's own words."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal, get_args

from kidney_evals.elicitation.form import each_text, table
from kidney_evals.errors import check_known
from kidney_evals.studies import Attribute, Study

StatedKind = Literal["swings", "ranking", "rule", "flip"]
"""Type of question.

- `swings`: which end of each attribute's range to favour, and how important the attribute is.
- `ranking`: the order of the attributes by importance.
- `rule`: the kind of rule that the model follows.
- `flip`: how often to flip a coin, for each kind of pair.
"""

STATED_KINDS: tuple[StatedKind, ...] = get_args(StatedKind)

LETTERS = "ABCDEFGH"

ASKS = "stated_values"
"""Value of `asks` in the metadata of a sample of `stated_values`."""


@dataclass(frozen=True)
class StatedWording:
    """A wording of a question of one type.

    Attributes:
        id: The name of the wording.
        kind: The type of question.
        varies: What this wording changes, in a line.
        text: The question, with placeholders.
        repeat: The repeat question, with placeholders.
        item: Template of the line that shows an attribute.
        entry: Template of one entry of the answer line.
        between: The text between two entries.
        order: The order in which attributes are shown: that of the study, or the reverse.
        ends: The attributes whose low end is shown first: `even` for the first, third, …; `odd` for
            the second, fourth, ….
        options: The texts of the rules or kinds of pairs, by id, in the order shown.
        answer: The prefix of the answer line.
    """

    id: str
    kind: StatedKind
    varies: str
    text: str
    repeat: str
    item: str
    entry: str
    between: str
    order: Literal["listed", "reversed"]
    ends: Literal["even", "odd"]
    options: Mapping[str, str]
    answer: str

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that change with any word of the question.

        They also change with the order of the attributes, of their ends, and of the options.
        """
        parts = (self.text, self.repeat, self.item, self.entry, self.between, self.answer)
        content = repr((parts, self.order, self.ends, tuple(self.options.items())))
        return hashlib.sha256(content.encode()).hexdigest()[:8]


@cache
def stated_wordings() -> Mapping[str, StatedWording]:
    """Return the shipped wordings by id; wordings of one question follow each other."""
    stated = table("stated")
    options = stated["rules"] | stated["kinds"]
    wordings = {}
    for kind in STATED_KINDS:
        question = dict(stated["questions"][kind])
        for entry in question.pop("wordings"):
            named = {name: options[name].strip() for name in entry.get("options", ())}
            fields = question | entry | {"item": stated["items"][question["item"]]}
            fields |= {"options": named, "answer": stated["answer"]}
            wordings[entry["id"]] = StatedWording(kind=kind, **fields)
    return wordings


def stated_wording(name: str) -> StatedWording:
    """Return the wording `name`; raise `UserError` if there is no such wording."""
    check_known("wording of stated values", name, stated_wordings())
    return stated_wordings()[name]


def put_stated(wording: StatedWording, study: Study) -> StatedWording:
    """Return a wording with the study's words in place of placeholders such as `{candidate}`.

    Raises:
        UserError: The study lacks a word that the wording needs.
    """
    words = partial(study.words.fill, whose=f"wording {wording.id!r}")
    return StatedWording(**each_text(vars(wording), words))


def shown_ends(wording: StatedWording, study: Study) -> dict[str, tuple[float, float]]:
    """Return the two ends of each attribute's range as shown, (a) and (b), by attribute id.

    The attributes are in the order shown. Whether (a) is the lower end alternates between
    attributes, independent of the end that people favour.
    """
    ends = {}
    for index, attribute in enumerate(study.attributes):
        low_first = (index % 2 == 0) == (wording.ends == "even")
        low, high = attribute.low, attribute.high
        ends[attribute.id] = (low, high) if low_first else (high, low)
    return ends if wording.order == "listed" else dict(reversed(ends.items()))


def render_stated(wording: StatedWording, study: Study) -> tuple[str, str]:
    """Return the question, and the repeat question after an answer that could not be parsed.

    Raises:
        UserError: The study lacks a word that the wording needs.
    """
    wording, shown = put_stated(wording, study), shown_ends(wording, study)
    items = []
    for name, ends in shown.items():
        attribute = attribute_named(study, name)
        a, b = map(attribute.describe, ends)
        items.append(wording.item.format(label=attribute.label, name=name, a=a, b=b))
    options = [f"- [{name}] {text}" for name, text in wording.options.items()]
    # The answer line has a place for every attribute or kind of pair, or for one rule.
    named = list(wording.options if wording.kind == "flip" else shown)
    if wording.kind == "rule":
        lettered = zip(LETTERS, wording.options.values(), strict=False)
        options, named = [f"{letter}: {text}" for letter, text in lettered], named[:1]
    line = wording.answer + wording.between.join(wording.entry.format(name=name) for name in named)
    question = wording.text.format(
        situation=study.words.situation,
        items="\n".join(items),
        options="\n".join(options),
        line=line,
    )
    return question.strip(), wording.repeat.format(line=line).strip()


def stated_metadata(wording: StatedWording, study: Study) -> dict[str, Any]:
    """Return the question's metadata for a sample, from which its answer can be parsed."""
    shown = shown_ends(wording, study)
    metadata: dict[str, Any] = {"asks": ASKS, "question": wording.kind, "wording": wording.id}
    metadata["shown"] = " ".join(shown)
    for name, ends in shown.items():
        for letter, end in zip("ab", ends, strict=True):
            metadata[f"end_{letter}_{name}"] = int(end) if end == int(end) else end
    if wording.options:
        metadata["options"] = " ".join(wording.options)
    return metadata


def attribute_named(study: Study, name: str) -> Attribute:
    """Return the attribute of a study with the id `name`."""
    return study.attributes[study.attribute_ids.index(name)]
