"""Probes: attributes that must not matter, added as a line to both candidates of every dilemma.

A probe is no attribute of the study: choice models and references do not see it. Everything that a
question needs stands in the metadata of its sample, so that a log can be retried, scored again and
read without the table of probes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from kidney_evals.elicitation.wording import Wording, entries_asked
from kidney_evals.errors import UserError
from kidney_evals.input_files import FileModel, Line, PromptLine, YamlFile, folded
from kidney_evals.studies import ENGLISH, Condition, Order, Study

_BOTH: tuple[Order, Order] = ("ab", "ba")


def _plain_id(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,19}", value):
        raise ValueError("must have at most 20 small letters, digits and _, a letter first")
    return value


def _long_enough(value: str) -> str:
    if len(value.strip()) < 2:
        raise ValueError("must have two characters or more, so that it is no label of a candidate")
    return value


_Id = Annotated[Line, AfterValidator(_plain_id)]


class ProbeLevel(FileModel):
    """A level of a probe ("woman"), and the texts that express it, such as first names."""

    id: _Id
    texts: Annotated[
        tuple[Annotated[PromptLine, AfterValidator(_long_enough)], ...],
        Field(min_length=1, max_length=100),
    ]


class Probe(FileModel):
    """An attribute on which candidates should be treated alike; `probes.md` explains the fields."""

    id: _Id
    label: PromptLine
    levels: Annotated[tuple[ProbeLevel, ...], Field(min_length=2, max_length=8)]

    @model_validator(mode="after")
    def _check(self) -> Probe:
        if len({len(level.texts) for level in self.levels}) > 1:
            raise ValueError("must have as many texts in one level as in every other")
        texts = [folded(text) for level in self.levels for text in level.texts]
        if twice := sorted({text for text in texts if texts.count(text) > 1}):
            raise ValueError(f"has the text {twice[0]!r} twice")
        return self

    @property
    def level_ids(self) -> tuple[str, ...]:
        """Ids of the levels, in order."""
        return tuple(level.id for level in self.levels)

    @property
    def digest(self) -> str:
        """Eight hexadecimal digits that change with any word of the probe."""
        return hashlib.sha256(repr(self.model_dump()).encode()).hexdigest()[:8]

    @property
    def marks(self) -> dict[str, str]:
        """Metadata of every sample of a run with this probe, controls included."""
        return {"probe": self.id, "probe_levels": ",".join(self.level_ids)}


class ProbeQuestion(NamedTuple):
    """One of the questions about a dilemma in a run with a probe."""

    probe: Probe
    order: Order
    levels: tuple[str, str]  # ids for the first-listed and for the second-listed candidate
    texts: tuple[str, str]

    @property
    def id_suffix(self) -> str:
        """The suffix that the probe adds to a sample's id; it changes with the texts."""
        content = hashlib.sha256(repr((self.probe.label, self.texts)).encode()).hexdigest()
        return f"-{self.probe.id}-{'-'.join(self.levels)}-{content[:4]}"

    @property
    def metadata(self) -> dict[str, str]:
        """Metadata of the sample: the label, and the levels and texts of the candidates as shown.

        `assignment` has the levels of the candidates as listed.
        """
        turn = 1 if self.order == "ab" else -1
        (level_a, level_b), (text_a, text_b) = self.levels[::turn], self.texts[::turn]
        return {
            "probe_label": self.probe.label,
            "probe_a": level_a,
            "probe_b": level_b,
            "probe_text_a": text_a,
            "probe_text_b": text_b,
            "assignment": "/".join(self.levels),
        }


def probe_line(metadata: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return the label of a sample's probe and the texts for A and B; None without a probe."""
    if "probe_label" not in metadata:
        return None
    return metadata["probe_label"], metadata["probe_text_a"], metadata["probe_text_b"]


def probe_questions(probe: Probe, index: int, condition: Condition) -> list[ProbeQuestion]:
    """Return the questions about one dilemma, in the sequence of the run.

    Successive dilemmas get the pairs of levels in turn. After each round through all pairs, the
    next text of each level is used. The two levels of the pair are assigned to the candidates in
    both ways, each in both orders, which gives four questions.

    In `coin_flip` two more questions follow, in which both candidates have the same level: one
    level of the pair in one order, the other level in the other order. The two levels exchange
    their orders after every second dilemma of a pair.

    Args:
        probe: The run's probe.
        index: The dilemma's place in the run, from 0.
        condition: The run's condition.
    """
    pairs = list(combinations(probe.levels, 2))
    round_, place = divmod(index, len(pairs))
    one, two = pairs[place]
    text = round_ % len(one.texts)
    orders = _BOTH if index % 2 == 0 else _BOTH[::-1]
    assignments = [(one, two), (two, one)] if (index // 2) % 2 == 0 else [(two, one), (one, two)]
    asked = [(order, *pair, text) for pair in assignments for order in orders]
    if condition == "coin_flip":
        # Of several texts, candidates with the same level have two that are two places apart.
        other = (text + 2) % len(one.texts)
        orders = _BOTH if (round_ // 2) % 2 == 0 else _BOTH[::-1]
        asked += [
            (order, same, same, other) for order, same in zip(orders, (one, two), strict=True)
        ]
    return [
        ProbeQuestion(probe, order, (a.id, b.id), (a.texts[text], b.texts[second]))
        for order, a, b, second in asked
    ]


@cache
def probes() -> Mapping[str, Probe]:
    """Return the shipped probes by id."""
    return read_probes((files("kidney_evals.elicitation") / "probes.yaml").read_text("utf-8"))


def read_probes(data: bytes | str, where: str = "the table of probes") -> Mapping[str, Probe]:
    """Parse a table of probes; return them by id.

    Args:
        data: The table, in YAML.
        where: The table's name in errors.

    Raises:
        UserError: The table is invalid.
    """
    file = YamlFile(where, data)
    if not isinstance(file.value, list) or not file.value:
        file.add((), "must be a list of probes")
        file.finish()
    checked = [file.check(Probe, entry, (index,)) for index, entry in enumerate(file.value)]
    file.finish()
    return {probe.id: probe for probe in checked if probe is not None}


def probe_asked(value: object) -> Probe:
    """Return the probe for a task's argument `probe`: an id, a table's path, or `path#id`.

    Raises:
        UserError: There is no such probe, or a table has several probes and no id is given.
    """
    asked = entries_asked("probe", value, probes(), probes(), read=read_probes)
    if len(asked) > 1:
        raise UserError(f"{value} has {len(asked)} probes; ask for one: {value}#{asked[0].id}")
    return asked[0]


def check_probe(probe: Probe, study: Study, wordings: Sequence[Wording]) -> None:
    """Raise `UserError` if an attribute has the probe's label, or a wording is not in English."""
    labels = {folded(attribute.label): attribute.id for attribute in study.attributes}
    if folded(probe.label) in labels:
        raise UserError(
            f"probe {probe.id!r} has the label {probe.label!r}, as has the attribute "
            f"{labels[folded(probe.label)]!r} of study {study.id!r}: what people were asked about "
            "cannot be a probe"
        )
    for wording in wordings:
        if wording.form.language != ENGLISH:
            raise UserError(
                f"probe {probe.id!r} has words in English only, and the wording {wording.id!r} is "
                f"in {wording.form.language}"
            )
