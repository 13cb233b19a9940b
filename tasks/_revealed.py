"""Reading of the logs in the task argument `revealed`, which are checked before any call."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from inspect_ai.log import EvalLog, read_eval_log

from kidney_evals.errors import UserError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.input_files import typed_path
from kidney_evals.measures.revealed import Revealed
from kidney_evals.scorers import main_score
from kidney_evals.studies import CHOICES, CONDITIONS, Condition, Dilemma, Study

_FEWEST = 10
"""Smallest number of answered dilemmas of a log for importance shares."""


def _refused(problem: str) -> UserError:
    return UserError(f"revealed: {problem}")


def _read_log(name: str, studies: Sequence[Study]) -> tuple[EvalLog, Study]:
    """Read a finished, scored log of choices on one of the studies, from a path or an address."""
    place = name
    if "://" not in name:
        path = typed_path(name)
        if not path.is_file():
            raise _refused(f"there is no log at {name!r}; give the file of one log")
        place = str(path.resolve())
    try:
        log = read_eval_log(place)
    except Exception as error:
        # Inspect raises no specific error for a file that is not a log.
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise _refused(f"{name} cannot be read as a log ({why})") from error
    facts = log.eval.metadata or {}
    scorers = [scorer.name for scorer in log.eval.scorers or ()]
    hash = str(facts.get("study_hash", ""))
    if facts.get("condition") not in CONDITIONS or not hash or "human_alignment" not in scorers:
        raise _refused(f"{name} is a log of {log.eval.task}, not of forced_choice or coin_flip")
    by_hash = {study.hash: study for study in studies}
    if hash not in by_hash:
        known = ", ".join(f"{study.id} ({study.hash[:12]})" for study in studies)
        raise _refused(
            f"{name} is of study {facts.get('study')} ({hash[:12]}), and this task asks about "
            f"{known}"
        )
    if not any(main_score(sample.scores) for sample in log.samples or ()):
        raise _refused(f"{name} was not scored; score it with kidney-evals rescore")
    if log.status != "success":
        raise _refused(f"{name} did not finish ({log.status}); finish it with inspect eval-retry")
    return log, by_hash[hash]


def read_revealed(path: str, study: Study) -> Revealed:
    """Return the importance shares of a log of choices, computed again from its answers.

    Raises:
        UserError: The log cannot be used, or its shares have no value.
    """
    from kidney_evals.measures import raised
    from kidney_evals.scorers.samples import run_of_log

    log, _ = _read_log(path, [study])
    run = run_of_log(log)
    decided = 0 if run is None else len(set(run.decisions.decided.dilemma.tolist()))
    if run is None or decided < _FEWEST:
        raise _refused(f"{path} holds decisions on {decided} dilemmas; shares need {_FEWEST}")
    estimate, flags = run.importance, raised(run)
    no_shares = "so they reveal no shares"
    if estimate is None:
        failed = flags.get("fit_failed", "no decisions")
        raise _refused(f"no weights can be fitted to the choices in {path} ({failed}), {no_shares}")
    if "undetermined" in flags:
        apart = f"do not tell every attribute apart ({flags['undetermined']})"
        raise _refused(f"the dilemmas answered in {path} {apart}, {no_shares}")
    if not estimate.signal:
        blind = "do not depend on the attributes beyond chance"
        raise _refused(f"the choices in {path} {blind}, {no_shares}")
    ends = (
        [round(float(number), 6) for number in share]
        for share in zip(estimate.shares, estimate.low, estimate.high, strict=True)
    )
    return Revealed(
        shares=tuple(Quantity(value, low, high) for value, low, high in ends),
        model=log.eval.model,
        condition=(log.eval.metadata or {})["condition"],
        log=log.eval.eval_id,
        decisions=len(run.decisions.decided),
    )


class Choices(NamedTuple):
    """The choices of one log."""

    log: str
    model: str
    # Answers as listed, by candidates as listed and order: the ids of two draws are the same.
    counts: Mapping[tuple[tuple[float, ...], ...], Mapping[str, list[int]]]

    def marks(self, dilemma: Dilemma) -> dict[str, Any]:
        """Return the choices on a dilemma as flat metadata of a sample; empty without any."""
        counts = self.counts.get((dilemma.first.values, dilemma.second.values))
        if counts is None:
            return {}
        own = {f"own_{order}": " ".join(map(str, of)) for order, of in counts.items()}
        return {"revealed": self.log, "revealed_model": self.model, **own}


def choices_of(
    revealed: str | None, condition: Condition, studies: Sequence[Study]
) -> dict[str, Choices]:
    """Return the choices in each of several logs, by the hash of the log's study.

    Args:
        revealed: Paths or addresses of the logs, separated by commas; None for no logs.
        condition: The condition that the logs must have.
        studies: The studies that the logs may have, with one log at most for each.

    Raises:
        UserError: A log cannot be used.
    """
    logs: dict[str, Choices] = {}
    for name in map(str.strip, revealed.split(",") if revealed else ()):
        log, study = _read_log(name, studies)
        choices = _read_choices(name, log, study, condition)
        if study.hash in logs:
            other = logs[study.hash].log
            raise _refused(f"{other} and {name} are of one study; give one log of each")
        logs[study.hash] = choices
    return logs


def _read_choices(name: str, log: EvalLog, study: Study, condition: Condition) -> Choices:
    facts = log.eval.metadata or {}
    if facts["condition"] != condition:
        raise _refused(
            f"{name} is a run of {facts['condition']}, and people are to be predicted in "
            f"{condition}; give a log of that, or condition={facts['condition']}"
        )
    if (readout := facts.get("readout", "sample")) != "sample":
        raise _refused(
            f"{name} holds probabilities (readout={readout}); give a log of sampled answers"
        )
    width = 3 if condition == "coin_flip" else 2
    counts: dict[tuple[tuple[float, ...], ...], dict[str, list[int]]] = {}
    for sample in log.samples or ():
        if sample.metadata.get("mechanism", "coin") != "coin":
            raise _refused(
                f"{name} offered another way out than a coin; people were offered a coin"
            )
        score = main_score(sample.scores)
        choice = (score.metadata or {}).get("choice") if score else None
        if choice in CHOICES:
            dilemma = study.dilemma_from(sample.metadata)
            patients = dilemma.first.values, dilemma.second.values
            by_order = counts.setdefault(patients, {"ab": [0] * width, "ba": [0] * width})
            by_order[sample.metadata["order"]][CHOICES.index(choice)] += 1
    if not counts:
        raise _refused(f"{name} holds no choice")
    return Choices(name, log.eval.model, counts)
