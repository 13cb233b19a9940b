"""Another model's answers, from the log of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kidney_evals.errors import UserError
from kidney_evals.finetuning.export_overlap import Evaluated
from kidney_evals.finetuning.sources import CHOICES, Asked, Dilemmas, Source, Wanted
from kidney_evals.finetuning.sources_given import check_overlap, given
from kidney_evals.studies import CONDITIONS, Condition, Study, load_study

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog


def study_of(log: EvalLog, study: str | None) -> Study:
    """Return the study of a run.

    Args:
        log: Of kidney_evals/forced_choice or kidney_evals/coin_flip, with its samples.
        study: What the user called it; None for what the log says.

    Raises:
        UserError: The log is of another task or study, or the study has changed since.
    """
    metadata = _metadata(log)
    found = load_study(metadata["study_source"])
    if study is not None and load_study(study).hash != metadata["study_hash"]:
        raise UserError(
            f"the log is a run of {metadata['study']}, not of {study}; leave --study out"
        )
    if found.hash != metadata["study_hash"]:
        raise UserError(
            f"the log's study {metadata['study']} has changed since; install the version of "
            "kidney-evals that made it"
        )
    return found


def condition_of(log: EvalLog, condition: str | None) -> Condition:
    """Return the condition of a run.

    Raises:
        UserError: The user named another.
    """
    found: Condition = _metadata(log)["condition"]
    if condition not in (None, found):
        raise UserError(f"the log is a run of {found}, not of {condition}; leave --condition out")
    return found


def mechanism_of(log: EvalLog) -> str:
    """Return what a run offered beside the patients ("coin"; "none" in forced choice)."""
    return str(_metadata(log).get("mechanism", "coin"))


def from_log(
    log: EvalLog,
    study: Study,
    condition: Condition,
    evaluation: Evaluated,
    wanted: Wanted,
) -> Source:
    """Take a run's decisions, split by dilemma, without controls and what was no decision.

    Args:
        log: With its samples, scored.
        study: Its study.
        condition: Its condition.
        evaluation: Dilemmas whose answers are refused.
        wanted: How many, and how they are chosen.

    Raises:
        UserError: The log holds probabilities and no decisions, none that can be used or too
            few, or decisions about the evaluation.
    """
    dilemmas = Dilemmas()
    asked: list[tuple[str, Asked]] = []
    left_out = {"controls": 0, "no_decision": 0}
    for sample in log.samples or ():
        metadata = sample.metadata or {}
        if metadata.get("readout", "sample") != "sample":
            raise UserError(
                f"the log holds probabilities (readout={metadata['readout']}), no answers; give a "
                "log of a run with readout=sample"
            )
        dilemma = study.dilemma_from(metadata)
        kept = getattr((sample.scores or {}).get("answers"), "metadata", None) or {}
        choice = kept.get("choice")
        if dilemma.is_control:
            left_out["controls"] += 1
        elif choice not in CHOICES:
            left_out["no_decision"] += 1
        else:
            listed, meant = dilemmas.listed(dilemma.first.values, dilemma.second.values, choice)
            asked.append((f"sample {sample.id}", Asked(listed, {condition: meant})))
    if not asked:
        raise UserError("the log holds no decision; give a log of a finished and scored run")
    check_overlap(asked, evaluation, wanted.allow_overlap)
    about: dict[str, Any] = {
        "kind": "log",
        "target": None,
        "task": log.eval.task,
        "model": log.eval.model,
        "eval_id": log.eval.eval_id,
        "status": log.status,
        "wordings": sorted({str((one.metadata or {}).get("wording")) for one in log.samples or ()}),
        "decisions": len(asked),
    }
    return given(
        [one for _, one in asked],
        study,
        (condition,),
        wanted=wanted,
        about=about,
        left_out=left_out,
    )


def _metadata(log: EvalLog) -> dict[str, Any]:
    metadata = (log.samples or [])[0].metadata if log.samples else {}
    needed = {"study_source", "study_hash", "study", "condition", "order", "dilemma"}
    if not needed <= set(metadata or {}) or metadata.get("condition") not in CONDITIONS:
        raise UserError(
            "the log is not one of kidney_evals/forced_choice or kidney_evals/coin_flip"
        )
    if (log.eval.metadata or {}).get("asks"):
        raise UserError("the log holds predictions, not choices; give one of choices")
    return metadata
