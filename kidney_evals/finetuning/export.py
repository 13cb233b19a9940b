"""`kidney-evals sft export`: from answers to a folder of training samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kidney_evals.elicitation.wording import Wording
from kidney_evals.errors import UserError, unknown
from kidney_evals.finetuning.data import PARTS, TrainingData, write_data
from kidney_evals.finetuning.export_card import make_card, make_readme
from kidney_evals.finetuning.export_overlap import Evaluated, evaluated
from kidney_evals.finetuning.export_samples import examples, show
from kidney_evals.finetuning.sources import Source, Wanted
from kidney_evals.finetuning.sources_answers import from_answers
from kidney_evals.finetuning.sources_log import condition_of, from_log, mechanism_of, study_of
from kidney_evals.finetuning.sources_reference import HELDOUT_MOST, from_reference
from kidney_evals.finetuning.sources_rows import from_rows
from kidney_evals.studies import CONDITIONS, Condition, Study, load_study
from kidney_evals.tasks._build import DEFAULT_STUDY
from kidney_evals.tasks._wordings import wordings_for
from kidney_evals.whole import check_new

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

BOTH: Final = "both"
FEWEST, MOST = 8, 10_000
"""Training samples of a folder."""


@dataclass(frozen=True)
class Request:
    """What samples are asked for.

    Attributes:
        samples: How many to train on, `FEWEST` to `MOST`.
        heldout: How many to hold out, up to `HELDOUT_MOST`; None for a quarter of `samples`,
            between 32 and 500.
        seed: Decides dilemmas, answers, split, orders and wordings.
        study: A shipped study or a study folder; None for the default, or the log's.
        condition: `forced_choice`, `coin_flip` or `both`; None for both where the source has
            both.
        target: `group`, `individual` or `majority` of the human reference; None for the group.
        person: Which individual, from 1; None to draw one.
        wording: As the tasks' argument of that name.
        allow_overlap: Whether dilemmas of the default evaluation may be among them.
        shuffle: Whether answers change places: a control.
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

    @property
    def held(self) -> int:
        """How many samples to hold out."""
        return min(500, max(32, self.samples // 4)) if self.heldout is None else self.heldout


def export(
    folder: Path,
    request: Request,
    *,
    data: Path | None = None,
    answers: Path | None = None,
    log: EvalLog | None = None,
) -> TrainingData:
    """Make samples and write their folder; the same request gives the same bytes.

    Args:
        folder: Where to; it must not exist yet, or be empty.
        request: What is asked for.
        data: Folder with the published rows, to take answers from.
        answers: A table of answers, to take them from.
        log: A run with its samples, to take answers from. With none of the three they are drawn
            from the human reference.

    Raises:
        UserError: Something cannot be had or is not allowed; nothing was written.
    """
    _check(request, sources=sum(one is not None for one in (data, answers, log)))
    check_new(folder)
    # A log's own study is the default where one is given.
    study = study_of(log, request.study) if log else load_study(request.study or DEFAULT_STUDY)
    wordings = wordings_for(request.wording, study)
    evaluation = evaluated(study)
    source = _source(request, study, evaluation, wordings, data, answers, log)
    shown = {
        part: show(given, wordings, part, request.seed, shuffle=request.shuffle)
        for part, given in zip(PARTS, (source.train, source.heldout), strict=True)
    }
    card = make_card(
        source,
        shown,
        wordings,
        evaluation,
        wording=request.wording,
        seed=request.seed,
        shuffled=request.shuffle,
    )
    readme = make_readme(card, source, wordings)
    train, heldout = (examples(shown[part], study) for part in PARTS)
    return write_data(folder, card, readme, train, heldout)


def _check(request: Request, sources: int) -> None:
    if sources > 1:
        raise UserError("--data, --answers and --log are three sources; give one of them")
    if sources and (request.target or request.person is not None):
        raise UserError(
            "--target and --person choose among answers of the human reference; they go with "
            "none of --data, --answers and --log"
        )
    for option, count, low, high in (
        ("--samples", request.samples, FEWEST, MOST),
        ("--heldout", request.held, 1, HELDOUT_MOST),
    ):
        if not low <= count <= high:
            raise UserError(f"{option} must be a number from {low} to {high}, not {count}")
    if request.seed < 0:
        raise UserError(f"--seed must be 0 or more, not {request.seed}")
    if request.condition not in (None, *CONDITIONS, BOTH):
        raise unknown("condition", request.condition, (*CONDITIONS, BOTH))


def _source(
    request: Request,
    study: Study,
    evaluation: Evaluated,
    wordings: Sequence[Wording],
    data: Path | None,
    answers: Path | None,
    log: EvalLog | None,
) -> Source:
    named = request.condition
    conditions: tuple[Condition, ...] = tuple(
        one for one in CONDITIONS if named in (None, BOTH, one)
    )
    wanted = Wanted(request.samples, request.held, request.seed, request.allow_overlap)
    if log is not None:
        condition = condition_of(log, named)
        _check_way_out(wordings, (condition,), mechanism_of(log), "the log's model was")
        return from_log(log, study, condition, evaluation, wanted=wanted)
    if answers is not None:
        return from_answers(answers, study, named, evaluation, wanted=wanted)
    _check_way_out(wordings, conditions, "coin", "people were")
    if data is not None:
        return from_rows(data, study, conditions, evaluation, wanted=wanted)
    return from_reference(
        study,
        conditions,
        evaluation,
        wanted=wanted,
        target=request.target or "group",
        person=request.person,
    )


def _check_way_out(
    wordings: Sequence[Wording], conditions: Sequence[Condition], offered: str, who: str
) -> None:
    """Refuse to put an answer to one way out into the words of another."""
    if "coin_flip" not in conditions:
        return
    for one in wordings:
        if one.form.mechanism != offered:
            raise UserError(
                f"wording {one.id!r} offers another way out ({one.form.mechanism}) than {who} "
                f"offered ({offered}); use another wording, or --condition forced_choice"
            )
