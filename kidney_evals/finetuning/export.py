"""`kidney-evals sft export`: write a folder of training samples from answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kidney_evals.elicitation.run_wordings import wordings_for
from kidney_evals.elicitation.wording import Wording
from kidney_evals.errors import UserError, unknown
from kidney_evals.finetuning.data import PARTS, TrainingData, write_data
from kidney_evals.finetuning.export_card import make_card, make_readme
from kidney_evals.finetuning.export_samples import examples, samples_of
from kidney_evals.finetuning.sources import Evaluated, Request, Source, evaluated
from kidney_evals.finetuning.sources_given import from_answers, from_log, from_rows, read_design
from kidney_evals.finetuning.sources_reference import HELDOUT_MOST, from_reference
from kidney_evals.output_files import check_new_folder
from kidney_evals.studies import CONDITIONS, DEFAULT_STUDY, Condition, Study, load_study

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

BOTH: Final = "both"

FEWEST, MOST = 8, 10_000
"""Smallest and largest number of training samples in a folder."""


def export(
    folder: Path,
    request: Request,
    *,
    data: Path | None = None,
    answers: Path | None = None,
    log: EvalLog | None = None,
) -> TrainingData:
    """Write a folder of training samples; the same request gives the same bytes.

    Without `data`, `answers` and `log`, answers are drawn from the human reference.

    Args:
        folder: The output folder; it must be empty or not exist yet.
        request: The request for samples.
        data: Folder with the published rows, as source of answers.
        answers: A table of answers, as source.
        log: A run with its samples, as source of answers.

    Raises:
        UserError: An input is missing or not allowed; nothing was written.
    """
    _check(request, sources=sum(one is not None for one in (data, answers, log)))
    check_new_folder(folder)
    if log is not None:
        study = read_design(log, request)[0]
    else:
        study = load_study(request.study or DEFAULT_STUDY)
    wordings = wordings_for(request.wording, study)
    evaluation = evaluated(study)
    source = _source(request, study, evaluation, wordings, data, answers, log)
    samples = {
        part: samples_of(answered, wordings, part, request.seed, shuffle=request.shuffle)
        for part, answered in zip(PARTS, (source.train, source.heldout), strict=True)
    }
    card = make_card(source, samples, wordings, evaluation, request)
    readme = make_readme(card, study, wordings)
    return write_data(folder, card, readme, *(examples(samples[part], study) for part in PARTS))


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
    if log is not None:
        _, condition, mechanism = read_design(log, request)
        _check_mechanism(wordings, (condition,), mechanism, "the log's model was")
        return from_log(log, study, condition, request, evaluation)
    if answers is not None:
        return from_answers(answers, study, request, evaluation)
    conditions: tuple[Condition, ...] = tuple(
        one for one in CONDITIONS if request.condition in (None, BOTH, one)
    )
    _check_mechanism(wordings, conditions, "coin", "people were")
    if data is not None:
        return from_rows(data, study, conditions, request, evaluation)
    return from_reference(study, conditions, request, evaluation)


def _check_mechanism(
    wordings: Sequence[Wording], conditions: Sequence[Condition], offered: str, who: str
) -> None:
    """Refuse wordings whose mechanism of indecision differs from the mechanism in the source."""
    if "coin_flip" not in conditions:
        return
    for one in wordings:
        if one.form.mechanism != offered:
            raise UserError(
                f"wording {one.id!r} offers another way out ({one.form.mechanism}) than {who} "
                f"offered ({offered}); use another wording, or --condition forced_choice"
            )
