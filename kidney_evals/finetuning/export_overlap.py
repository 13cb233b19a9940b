"""The dilemmas that an evaluation asks, which must not be trained on. Told apart by patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kidney_evals.finetuning.sources import Pair, pair
from kidney_evals.studies import Dilemma, Study, dilemmas_of, load_study, study_names
from kidney_evals.studies.draw import draw_limit


@dataclass(frozen=True)
class Evaluated:
    """Dilemmas that default runs ask, in terms of one study's attributes.

    Attributes:
        whole: Pairs of patients with all attributes of the study.
        partly: Pairs of listed questions of another study that shares most attributes, but not
            all: places of those shared, and the patients' values there. What differs in the
            others only is a near copy and counts as the same.
        said: What stands of it in `card.json`.
    """

    whole: frozenset[Pair]
    partly: tuple[tuple[tuple[int, ...], frozenset[Pair]], ...]
    said: tuple[Mapping[str, Any], ...]

    def holds(self, dilemma: Dilemma) -> bool:
        """Whether an evaluation asks this dilemma, in whatever order and wording."""
        first, second = dilemma.first.values, dilemma.second.values
        return pair(first, second) in self.whole or any(
            _at(places, first, second) in pairs for places, pairs in self.partly
        )


def evaluated(study: Study) -> Evaluated:
    """Return what the default evaluations of this study, and of studies like it, ask.

    Of a study that draws: the largest quoted set of the default draw, and the controls. Of a
    listed study: its list. Every shipped study counts that asks about the same attributes, and of
    a list those that share most of them.
    """
    whole: set[Pair] = set()
    partly: list[tuple[tuple[int, ...], frozenset[Pair]]] = []
    said: list[dict[str, Any]] = []
    shipped = [load_study(name) for name in study_names()]
    for other in [study, *(one for one in shipped if one.source != study.source)]:
        same = set(study.attribute_ids) == set(other.attribute_ids)
        shared = list(study.attribute_ids) if same else _shared(study, other)
        places = tuple(study.attribute_ids.index(name) for name in shared)
        theirs = tuple(other.attribute_ids.index(name) for name in shared)
        asked: Sequence[Dilemma] = ()
        if same:
            asked = [*default_dilemmas(other), *other.control_block]
            whole |= {_of(theirs, one) for one in asked}
        elif 2 * len(shared) > max(len(study.attributes), len(other.attributes)):
            asked = other.listed
            if asked:
                partly.append((places, frozenset(_of(theirs, one) for one in asked)))
        if asked:
            said.append(
                {
                    "study": other.id,
                    "draw_seed": other.draw.seed if other.draw else None,
                    "dilemmas": len(asked),
                    "compared_by": shared,
                    "whole": same,
                }
            )
    return Evaluated(frozenset(whole), tuple(partly), tuple(said))


def _shared(study: Study, other: Study) -> list[str]:
    """Return the attributes of a study of which the other has a value too, in the same words."""
    said = {
        attribute.id: {attribute.describe(value) for value in attribute.values}
        for attribute in other.attributes
    }
    return [
        one.id
        for one in study.attributes
        if one.id in said and said[one.id] & {one.describe(value) for value in one.values}
    ]


def default_dilemmas(study: Study) -> tuple[Dilemma, ...]:
    """Return the dilemmas of the largest default run: all quoted sizes are among them."""
    if study.draw is None:
        return study.listed
    most = max((*study.draw.sets, study.draw.count))
    return dilemmas_of(study, min(most, draw_limit(study.attributes)), None)


def _of(places: tuple[int, ...], dilemma: Dilemma) -> Pair:
    return _at(places, dilemma.first.values, dilemma.second.values)


def _at(places: tuple[int, ...], first: tuple[float, ...], second: tuple[float, ...]) -> Pair:
    return pair(tuple(first[at] for at in places), tuple(second[at] for at in places))
