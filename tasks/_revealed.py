"""Reading of the logs in the task argument `revealed`, which are checked before any call."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspect_ai.log import EvalLog, read_eval_log

from kidney_evals.errors import UserError
from kidney_evals.measures.revealed import Revealed, Share
from kidney_evals.scorers import main_score
from kidney_evals.studies import CHOICES, CONDITIONS, Condition, Dilemma, Study

FEWEST = 10
"""Smallest number of answered dilemmas of a log for importance shares."""

Patients = tuple[tuple[float, ...], tuple[float, ...]]
"""The patients of a dilemma as listed: a key for dilemmas, since two draws share ids."""


def _refused(problem: str) -> UserError:
    return UserError(f"revealed: {problem}")


def _read_log(name: object) -> EvalLog:
    """Read a log with its samples.

    Args:
        name: A path, or the address of a log elsewhere. A relative path is also looked for where
            the command was typed: Inspect loads a task file from within the file's folder.

    Raises:
        UserError: There is no such log.
    """
    if not isinstance(name, str) or not name.strip():
        raise UserError(f"revealed must be the path of a log, not {name!r}")
    place = name
    if "://" not in name:
        here = Path(name).expanduser()
        found = here if here.exists() else Path(os.environ.get("PWD", ".")) / here
        if found.is_dir():
            raise _refused(f"{name} is a folder; give one log")
        if not found.is_file():
            raise _refused(f"there is no log at {name!r}")
        place = str(found.resolve())
    try:
        return read_eval_log(place)
    except Exception as error:
        # Inspect raises no specific error for a file that is not a log.
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise _refused(f"{name} cannot be read as a log ({why})") from error


def read_revealed(path: object, study: Study) -> Revealed:
    """Return the importance shares that a log of `forced_choice` or `coin_flip` reveals.

    The shares are the log's rows `imp_*`, computed again from its answers.

    Args:
        path: A finished log; a relative path is also resolved from the directory of the command.
        study: The study that the log must be of.

    Raises:
        UserError: If there is no such log, it is of another task or study or unfinished, or its
            choices do not depend on the attributes.
    """
    log = _read_log(path)
    facts = log.eval.metadata or {}
    scorers = [one.name for one in log.eval.scorers or ()]
    if (
        facts.get("condition") not in CONDITIONS
        or "study_hash" not in facts
        or "human_alignment" not in scorers
    ):
        raise _refused(f"{path} is a log of {log.eval.task}, not of forced_choice or coin_flip")
    if facts["study_hash"] != study.hash:
        raise _refused(
            f"{path} is of study {facts.get('study')} ({facts['study_hash'][:12]}), "
            f"and this task asks about {study.id} ({study.hash[:12]})"
        )
    if log.status != "success":
        raise _refused(f"{path} did not finish ({log.status}); finish it with inspect eval-retry")
    if not any(main_score(sample.scores) for sample in log.samples or ()):
        raise _refused(f"{path} was not scored; score it with kidney-evals rescore")

    from kidney_evals.measures import raised
    from kidney_evals.scorers.samples import run_of_log

    run = run_of_log(log)
    decided = 0 if run is None else len(set(run.decisions.decided.dilemma.tolist()))
    if run is None or decided < FEWEST:
        raise _refused(f"{path} holds decisions on {decided} dilemmas; shares need {FEWEST}")
    estimate, flags = run.importance, raised(run)
    if estimate is None:
        raise _refused(
            f"no weights can be fitted to the choices in {path} "
            f"({flags.get('fit_failed', 'no decisions')}), so they reveal no shares"
        )
    if "undetermined" in flags:
        raise _refused(
            f"the dilemmas answered in {path} do not tell every attribute apart "
            f"({flags['undetermined']}), so they reveal no shares"
        )
    if not estimate.signal:
        raise _refused(
            f"the choices in {path} do not depend on the attributes beyond chance, so they reveal "
            "no shares"
        )
    ends = zip(estimate.shares, estimate.low, estimate.high, strict=True)
    return Revealed(
        shares=tuple(Share(*(round(float(number), 6) for number in one)) for one in ends),
        model=log.eval.model,
        condition=facts["condition"],
        log=log.eval.eval_id,
        decisions=len(run.decisions.decided),
    )


@dataclass(frozen=True)
class Choices:
    """The choices of one log.

    Attributes:
        log: The log, as the user named it.
        model: Name of the model that chose.
        study: The study that was asked.
        counts: Answers first, second and, with a coin, coin, by dilemma and order.
    """

    log: str
    model: str
    study: Study
    counts: Mapping[Patients, Mapping[str, list[int]]]

    def marks(self, dilemma: Dilemma) -> dict[str, Any]:
        """Return the choices on a dilemma as flat text, for the metadata of a sample."""
        if (found := self.counts.get(_patients(dilemma))) is None:
            return {}
        own = {f"own_{order}": " ".join(map(str, counts)) for order, counts in found.items()}
        return {"revealed": self.log, "revealed_model": self.model, **own}


def choices_of(
    revealed: str | Sequence[str] | None, condition: Condition, blocks: Sequence[Study]
) -> dict[str, Choices]:
    """Return the choices of the logs `revealed`, by the hash of their study.

    Args:
        revealed: A log, several with commas between, or None.
        condition: Condition of the run of predictions, which the logs must have.
        blocks: The studies that the run asks about.

    Raises:
        UserError: If a log cannot be read, is of another task, condition or study, holds no
            sampled choices, or two are of one study.
    """
    if revealed is None:
        return {}
    # `-T revealed=a.eval,b.eval` arrives as a list.
    names = revealed.split(",") if isinstance(revealed, str) else revealed
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) for one in names):
        raise UserError(f"revealed must be a log, or several with commas between, not {revealed!r}")
    found: dict[str, Choices] = {}
    for name in (one.strip() for one in names):
        if not name:
            raise UserError("revealed names no log: give the path of a log, or leave it out")
        one = _read_choices(name, condition, {study.hash: study for study in blocks})
        if one.study.hash in found:
            raise _refused(
                f"{found[one.study.hash].log} and {name} are of one study; give one log of each"
            )
        found[one.study.hash] = one
    return found


def _read_choices(name: str, condition: Condition, studies: Mapping[str, Study]) -> Choices:
    log = _read_log(name)
    width = 3 if condition == "coin_flip" else 2
    counts: dict[Patients, dict[str, list[int]]] = {}
    study: Study | None = None
    for sample in log.samples or ():
        kept = getattr(main_score(sample.scores), "metadata", None) or {}
        metadata = sample.metadata or {}
        if "choice" not in kept or "study_hash" not in metadata:
            continue
        _check_choice(name, metadata, condition, studies)
        study = studies[metadata["study_hash"]]
        if kept["choice"] in CHOICES:
            patients = _patients(study.dilemma_from(metadata))
            by_order = counts.setdefault(patients, {order: [0] * width for order in ("ab", "ba")})
            by_order[metadata["order"]][CHOICES.index(kept["choice"])] += 1
    if study is None:
        raise _refused(
            f"{name} is not a log of kidney_evals/forced_choice or kidney_evals/coin_flip with "
            "samples and scores"
        )
    if not counts:
        raise _refused(f"{name} holds no choice")
    return Choices(name, log.eval.model, study, counts)


def _check_choice(
    name: str, metadata: Mapping[str, Any], condition: Condition, studies: Mapping[str, Study]
) -> None:
    if metadata["condition"] != condition:
        raise _refused(
            f"{name} is a run of {metadata['condition']}, and people are to be predicted in "
            f"{condition}; give a log of that, or condition={metadata['condition']}"
        )
    if metadata["study_hash"] not in studies:
        known = sorted(study.id for study in studies.values())
        what = metadata.get("study", "?")
        where = "with other content than installed" if what in known else "of another study"
        raise _refused(f"{name} is a run of {what} {where}; predicted are {', '.join(known)}")
    if metadata.get("mechanism", "coin") not in ("coin", "none"):
        raise _refused(f"{name} offered another way out than a coin; people were offered a coin")
    if metadata.get("readout", "sample") != "sample":
        raise _refused(
            f"{name} holds probabilities (readout={metadata['readout']}); give a log of sampled "
            "answers"
        )


def _patients(dilemma: Dilemma) -> Patients:
    return dilemma.first.values, dilemma.second.values
