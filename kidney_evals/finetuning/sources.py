"""The default source of training answers, the human reference, and types that all sources share.

Each answer is drawn from the shares of the group or of one simulated person, or is the answer of
the majority.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from kidney_evals.errors import UserError, check_known
from kidney_evals.respondents.question import fraction
from kidney_evals.studies import (
    CHOICES,
    CONDITIONS,
    Choice,
    Condition,
    Dilemma,
    Study,
    dilemmas_of,
    draw_dilemmas,
    load_study,
    study_names,
)
from kidney_evals.studies.draw import draw_limit, in_random_order

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

    from kidney_evals.human.reference import Reference

HELDOUT_SHARE: Final = 5
"""One in this number is held out: of a fixed list, and of the people and dilemmas of given answers.

This suffices for the default `--heldout`, which is a quarter of the training samples.
"""

HELDOUT_MOST: Final = 1000
"""Maximum number of held-out dilemmas. This number is reserved before any training dilemma is
drawn, so that held-out dilemmas depend neither on `--samples` nor on `--heldout`.
"""

Pair = tuple[tuple[float, ...], tuple[float, ...]]
"""The values of the two patients of a dilemma, sorted, so that the order does not matter."""

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """A user's request for training samples: the options of `kidney-evals sft export`.

    Answers are drawn from the human reference, unless `data`, `answers` or `log` is given.

    Attributes:
        samples: Number of training samples.
        heldout: Number of held-out samples; None for a quarter of `samples`, from 32 to 500.
        study: None for the study of the log, else the default study.
        condition: A condition or "both"; None for the conditions of the log or table, else both.
        target: Whose answers are drawn: "group", "individual" or "majority"; None for "group".
        person: Number of the person for "individual"; None to draw one.
        wording: Ids of wordings, as the tasks take them.
        allow_overlap: Whether samples may be about dilemmas of the default evaluations.
        shuffle: Whether to exchange answers between dilemmas, so that they teach nothing.
        data: Folder of the published answers of McElfresh et al. (2021).
        answers: CSV table of the user's answers.
        log: Log of a run, whose decisions are the answers.
    """

    samples: int = 512
    heldout: int | None = None
    seed: int = 1
    study: str | None = None
    condition: str | None = None
    target: str | None = None
    person: int | None = None
    wording: str = "default"
    allow_overlap: bool = False
    shuffle: bool = False
    data: Path | None = None
    answers: Path | None = None
    log: EvalLog | None = None

    @property
    def held(self) -> int:
        """Number of held-out samples."""
        return min(500, max(32, self.samples // 4)) if self.heldout is None else self.heldout


class Answered(NamedTuple):
    """An answer to a dilemma, from which one sample is made; `person` is "" if unknown."""

    dilemma: Dilemma
    condition: Condition
    choice: Choice
    person: str = ""


class Source(NamedTuple):
    """The answers for a folder of training samples.

    Attributes:
        train: Answers to train on. A request for n samples gets the first n answers of a larger
            request.
        heldout: Answers to other dilemmas and, if several people are known, of other people.
        about: Where the answers come from, for `card.json`.
        left_out: Number of omitted answers, by reason.
    """

    conditions: tuple[Condition, ...]
    train: Sequence[Answered]
    heldout: Sequence[Answered]
    about: Mapping[str, Any]
    left_out: Mapping[str, int]


def pair_of(dilemma: Dilemma, places: Sequence[int] | None = None) -> Pair:
    """Return the values of a dilemma's patients, sorted; the same for both orders of the patients.

    `places` are the indices of the attributes; None for all.
    """
    sides = [dilemma.first.values, dilemma.second.values]
    if places is not None:
        sides = [tuple(values[at] for at in places) for values in sides]
    return min(sides), max(sides)


def shuffled(items: Iterable[T], *key: object) -> list[T]:
    """Return `items` in an order that `key` seeds, the same in every process and Python version."""
    return in_random_order(items, generator_of(*key))


def generator_of(*key: object) -> random.Random:
    """Return a random generator seeded by `key`, which holds texts and whole numbers."""
    return random.Random(":".join(map(str, ("samples", *key))))


@dataclass(frozen=True)
class Evaluated:
    """The dilemmas that the default evaluations ask.

    Attributes:
        parts: For each evaluated study, the indices of the attributes to compare, and the patients
            of its dilemmas in these attributes.
        about: For each evaluated study, its id and what is compared, for `card.json`.
    """

    parts: tuple[tuple[Sequence[int], frozenset[Pair]], ...]
    about: tuple[Mapping[str, Any], ...]

    def holds(self, dilemma: Dilemma) -> bool:
        """Return whether an evaluation asks about this dilemma, in any order and wording.

        Patients are compared in the attributes that both studies have.
        """
        return any(pair_of(dilemma, places) in pairs for places, pairs in self.parts)


def evaluated(study: Study) -> Evaluated:
    """Return the dilemmas of the default evaluations of this study and of similar studies.

    Similar studies are shipped and have the same attributes, or a fixed list and more than half of
    the attributes in common. The dilemmas are the fixed list, or the largest published set of the
    default draw; of studies with the same attributes also the controls.
    """
    parts, about = [], []
    shipped = map(load_study, study_names())
    for other in [study, *(one for one in shipped if one.source != study.source)]:
        same = set(study.attribute_ids) == set(other.attribute_ids)
        shared = list(study.attribute_ids) if same else _shared(study, other)
        asked: Sequence[Dilemma] = ()
        if same:
            asked = [*_default_dilemmas(other), *other.control_block]
        elif 2 * len(shared) > max(len(study.attributes), len(other.attributes)):
            asked = other.listed
        if asked:
            places, theirs = (
                [one.attribute_ids.index(name) for name in shared] for one in (study, other)
            )
            parts.append((places, frozenset(pair_of(dilemma, theirs) for dilemma in asked)))
            about.append(
                {
                    "study": other.id,
                    "draw_seed": other.draw.seed if other.draw else None,
                    "dilemmas": len(asked),
                    "compared_by": shared,
                    "whole": same,
                }
            )
    return Evaluated(tuple(parts), tuple(about))


def _default_dilemmas(study: Study) -> Sequence[Dilemma]:
    """Return the dilemmas of the largest default run, which contain those of smaller runs."""
    if study.draw is None:
        return study.listed
    most = max((*study.draw.sets, study.draw.count))
    return dilemmas_of(study, min(most, draw_limit(study.attributes)), None)


def _shared(study: Study, other: Study) -> list[str]:
    """Return the ids of attributes with a value that both studies describe in the same words."""
    texts, theirs = (
        {one.id: set(map(one.describe, one.values)) for one in each.attributes}
        for each in (study, other)
    )
    return [name for name, described in texts.items() if described & theirs.get(name, set())]


def from_reference(
    study: Study, conditions: tuple[Condition, ...], request: Request, evaluation: Evaluated
) -> Source:
    """Return answers from the human reference, to dilemmas that `evaluation` does not contain.

    A fixed list has no other dilemmas: with `request.allow_overlap` its dilemmas are used.

    Raises:
        UserError: The target or person is not allowed, nobody was asked in a condition, the study
            has too few dilemmas, or it has a fixed list and `allow_overlap` is false.
    """
    from kidney_evals.human.reference import load_reference

    target = request.target or "group"
    check_known("target", target, ("group", "individual", "majority"))
    if request.person is not None and target != "individual":
        raise UserError("--person chooses one person: use it with --target individual")
    references = {condition: load_reference(study, condition) for condition in conditions}
    for condition, reference in references.items():
        if not reference.has_people:
            answered = (one for one in CONDITIONS if load_reference(study, one).has_people)
            others = " or ".join(sorted(answered))
            instead = f"use --condition {others}" if others else "give answers of your own"
            raise UserError(f"nobody was asked {condition} in {study.id}; {instead}")
    if study.draw is None and not request.allow_overlap:
        raise UserError(
            f"the {len(study.listed)} dilemmas of {study.id} are those that its evaluation asks; "
            "pass --allow-overlap to train on some of them"
        )
    person = _person(references, request) if target == "individual" else {}
    if study.draw is None:
        parts = _repeated_list(study, len(conditions), request)
    else:
        parts = _drawn_parts(study, request, evaluation)
    train, heldout = (_answered(part, references, request.seed, target, person) for part in parts)
    about = {
        "kind": "reference",
        "target": target,
        "reference": {
            condition: {"version": one.version, "sha256": one.sha256, "people": one.people}
            for condition, one in references.items()
        },
        **person,
    }
    return Source(conditions, train, heldout, about, {})


def _drawn_parts(study: Study, request: Request, evaluation: Evaluated) -> list[list[Dilemma]]:
    limit = draw_limit(study.attributes)
    aside = min(HELDOUT_MOST, limit // HELDOUT_SHARE)
    for option, count, most in (
        ("--heldout", request.held, aside),
        ("--samples", request.samples, limit - aside),
    ):
        if count > most:
            raise UserError(
                f"{option} {count} is more than there is: {study.id} can draw {most} different "
                "dilemmas for it"
            )
    heldout = _drawn(study, "heldout", aside, request.seed, evaluation, set())
    pairs = set(map(pair_of, heldout))
    train = _drawn(study, "train", request.samples, request.seed, evaluation, pairs)
    return [train, heldout[: request.held]]


def _drawn(
    study: Study, part: str, count: int, seed: int, evaluation: Evaluated, held: set[Pair]
) -> list[Dilemma]:
    """Draw `count` dilemmas from the random sequence named `part`, excluding pairs in `held`."""
    # Up to half of all pairs, drawing without repetition takes reasonable time. A shorter draw is a
    # prefix of a longer draw, and the shorter draw nearly always suffices.
    most = 5 * draw_limit(study.attributes)
    for wanted in (count + count // 8 + 64, most):
        drawn = draw_dilemmas(f"{study.id} {part}", study.attributes, min(wanted, most), seed)
        usable = [one for one in drawn if pair_of(one) not in held and not evaluation.holds(one)]
        if len(usable) >= count:
            return [
                Dilemma(f"{part[0]}{index:05d}", one.first, one.second, one.kind)
                for index, one in enumerate(usable[:count])
            ]
    raise UserError(
        f"{study.id} has too few dilemmas beside those of its evaluation for {count} samples"
    )


def _repeated_list(study: Study, conditions: int, request: Request) -> list[list[Dilemma]]:
    """Repeat a study's list in every condition, each time the whole list in a new order."""
    listed = shuffled(study.listed, request.seed, "split")
    held = -(-len(listed) // HELDOUT_SHARE)
    if held == len(listed):
        raise UserError(f"{study.id} has one dilemma, which cannot be split")
    result = []
    for part, dilemmas, count in (
        ("train", listed[held:], request.samples),
        ("heldout", listed[:held], request.held),
    ):
        turns: list[Dilemma] = []
        while len(turns) * conditions < count:
            turns += shuffled(dilemmas, request.seed, part, len(turns))
        result.append([one for one in turns for _ in range(conditions)][:count])
    return result


def _answered(
    dilemmas: Sequence[Dilemma],
    references: Mapping[Condition, Reference],
    seed: int,
    target: str,
    person: Mapping[str, Any],
) -> list[Answered]:
    """Answer each dilemma, alternating conditions: a draw from the shares, or the largest share."""
    rows = {
        condition: iter(_shares(reference, dilemmas[at :: len(references)], person))
        for at, (condition, reference) in enumerate(references.items())
    }
    times: Counter[object] = Counter()
    answered = []
    for dilemma, condition in zip(dilemmas, cycle(references), strict=False):
        shares = next(rows[condition])
        key = (condition, dilemma.first.values, dilemma.second.values)
        times[key] += 1
        if target == "majority":
            # A tie goes to the earlier answer in the order first, second, coin.
            rounded = [round(share, 9) for share in shares]
            index = rounded.index(max(rounded))
        else:
            index = _index_of(shares, fraction("answers of the samples", seed, *key, times[key]))
        answered.append(Answered(dilemma, condition, CHOICES[index]))
    return answered


def _shares(
    reference: Reference, dilemmas: Sequence[Dilemma], person: Mapping[str, Any]
) -> list[list[float]]:
    """Return the probabilities of the answers to each dilemma, in the order of `CHOICES`."""
    import numpy as np

    from kidney_evals.human.reference import load_reference
    from kidney_evals.respondents.people import answers_of_persons

    if not dilemmas:
        return []
    shares = reference.shares(dilemmas)
    for dilemma, total in zip(dilemmas, shares.sum(axis=1), strict=True):
        if not abs(total - 1) < 1e-6:
            raise UserError(f"the answers of people to {dilemma.id} are not known")
    if person:
        place = person["person"] - 1
        if person["model"] == "persons":
            shares = answers_of_persons(reference, dilemmas)[:, place]
        else:
            latent = load_reference(reference.study, person["people_of"]).latent
            assert latent is not None, "_person chooses a latent class only where there are some"
            differences = np.array([reference.study.differences(one) for one in dilemmas])
            shares = latent.predict(differences)[place]
            if reference.condition == "forced_choice":
                shares = shares[:, :2] / shares[:, :2].sum(axis=1, keepdims=True)
    listed: list[list[float]] = shares.tolist()
    return listed


def _person(references: Mapping[Condition, Reference], request: Request) -> dict[str, Any]:
    """Choose a simulated person; return the entries of `card.json` about the person.

    For both conditions, the person is from the latent classes of the coin condition, and the forced
    choice uses this person's shares among decided answers. Studies without classes have `PERSONS`
    simulated persons, with the same rank of each weight in both conditions.
    """
    from kidney_evals.respondents.people import PERSONS, spread_of

    condition: Condition = "coin_flip" if "coin_flip" in references else "forced_choice"
    latent = references[condition].latent
    shares = [1 / PERSONS] * PERSONS if latent is None else latent.shares.tolist()
    number = request.person
    if number is None:
        number = _index_of(shares, fraction("person of the samples", request.seed)) + 1
    if not 1 <= number <= len(shares):
        raise UserError(f"--person must be a number from 1 to {len(shares)}, not {number}")
    facts = {"person": number, "of": len(shares), "simulated": True}
    if latent is not None:
        return facts | {"model": "latent_classes", "people_of": condition}
    return facts | {
        "model": "persons",
        "people_of": None if len(references) > 1 else condition,
        "spread": spread_of(references[condition]).model or "published",
    }


def _index_of(shares: Sequence[float], chance: float) -> int:
    """Return the index of the cumulative share that contains `chance`, for `chance` in [0, 1)."""
    # The shares sum to 1 up to rounding.
    last = max(place for place, share in enumerate(shares) if share > 0)
    return min(bisect_right(list(accumulate(shares)), chance), last)
