"""One task from its arguments: everything is checked here, before any model call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.model import GenerateConfig, get_model
from inspect_ai.solver import Solver

from kidney_evals.elicitation.readout import check_provider, check_readout, options
from kidney_evals.elicitation.wording import Wording
from kidney_evals.errors import UserError, unknown
from kidney_evals.guards import RunGuard
from kidney_evals.scorers import scorers_for
from kidney_evals.studies import Condition, Dilemma, Order, Study, dilemmas_of, load_study
from kidney_evals.tasks._own_solver import only_own_solver
from kidney_evals.tasks._samples import (
    Orders,
    Record,
    joined,
    presentation,
    record_to_sample,
    text_given,
)
from kidney_evals.tasks._viewer import headline, viewer
from kidney_evals.tasks._wordings import deal, wordings_for
from kidney_evals.tasks.stopping import stop_when_known

DEFAULT_STUDY = "mcelfresh_2021"

TASK_VERSION = "2-C"
"""N-X: N when results stop being comparable, X when the interface changes."""

TAGS = ("moral dilemmas", "stated choices", "indecision", "human reference")
"""Tags of every task, as in `eval.yaml`."""

DISPLAY_NAMES: Mapping[Condition, str] = {
    "forced_choice": "Kidney allocation: forced choice",
    "coin_flip": "Kidney allocation: coin flip",
}
"""Display names of the tasks in viewers and plots."""

FAIL_ON_ERROR = 0.1
"""Share of samples that may end in an error before the run is given up."""

PARAMETERS = (
    "study",
    "dilemmas",
    "draw_seed",
    "orders",
    "controls",
    "explain",
    "channel",
    "wording",
    "crossed",
    "readout",
    "system_prompt",
    "precision",
)

CROSSED_DILEMMAS = 50
"""Dilemmas of a crossed run, where the study has more and no number is asked for."""

CROSSED_EPOCHS = 2
"""Repetitions that a crossed run needs."""


def build_task(
    condition: Condition,
    *,
    solver: Solver,
    study: str | list[str],
    dilemmas: int | None,
    draw_seed: int | None,
    orders: Orders,
    controls: bool,
    explain: str,
    channel: str,
    wording: str | Sequence[str],
    crossed: bool,
    readout: str,
    system_prompt: str | list[str] | None,
    precision: float | None,
    unexpected: Mapping[str, Any],
) -> Task:
    """Build the task of one condition.

    Args:
        condition: Which answers are offered.
        solver: The condition's solver.
        study: A shipped study's name or a study folder.
        dilemmas: How many dilemmas; None for the study's default.
        draw_seed: Which draw; None for the study's default.
        orders: "both", "random" or "as_listed".
        controls: Whether the study's control block is run too.
        explain: "none", "before" or "after".
        channel: "text", "json" or "tool".
        wording: Ids of wordings, "all", or the path of a table.
        crossed: Whether every dilemma is put in every wording, both orders and twice.
        readout: "sample" or "logprobs".
        system_prompt: Text of a system message.
        precision: Half width at which the run ends; None to ask everything.
        unexpected: Arguments that no parameter takes.

    Raises:
        UserError: If any argument is not allowed.
    """
    if unexpected:
        raise unknown("parameter", next(iter(unexpected)), PARAMETERS)
    for name, value in (("controls", controls), ("crossed", crossed)):
        if not isinstance(value, bool):
            raise UserError(f"{name} must be true or false, not {value!r}")
    check_readout(readout, explain, channel)
    if readout == "logprobs":
        _check_model()
        if precision is not None:
            raise UserError("precision counts sampled answers: use it with readout=sample")
    system_prompt = text_given("system_prompt", system_prompt)
    loaded = load_study(joined(study))
    seed = draw_seed if draw_seed is not None else (loaded.draw.seed if loaded.draw else 0)
    asked = wordings_for(wording, loaded)
    if crossed:
        _check_crossed(asked, orders, readout, precision)
        if dilemmas is None and loaded.draw is not None:
            dilemmas = CROSSED_DILEMMAS
    main = dilemmas_of(loaded, dilemmas, draw_seed)
    ends = None
    if precision is not None:
        ends = stop_when_known(
            precision, condition=condition, study=loaded, dilemmas=len(main), orders=orders
        )
    put = (
        _crossed(main, asked) if crossed else _dealt(presentation(main, orders, seed), asked, seed)
    )
    if controls:
        # Controls come last and once each: `--limit` then keeps to the dilemmas that count.
        block = presentation(loaded.control_block, "as_listed", seed)
        put += _dealt(block, asked[:1] if crossed else asked, seed)
    from kidney_evals.human.reference import load_reference

    reference = load_reference(loaded, condition)
    listed = [dilemma for dilemma, _, _ in put]
    shares = reference.shares(listed).tolist() if reference.has_people else [None] * len(listed)
    samples = [
        record_to_sample(
            Record(dilemma, order, None if share is None else tuple(share)),
            loaded,
            condition,
            reference_version=reference.version,
            reference_hash=reference.sha256,
            system_prompt=system_prompt,
            wording=words,
            marks=({"crossed": True} if crossed else {})
            | ({"readout": readout} if readout != "sample" else {}),
        )
        for (dilemma, order, words), share in zip(put, shares, strict=True)
    ]
    task = Task(
        dataset=MemoryDataset(samples, name=loaded.id),
        solver=solver,
        scorer=scorers_for(condition),
        score_on_error=True,
        early_stopping=ends or RunGuard(),
        cleanup=ends.sample_ended if ends else None,
        config=options() if readout == "logprobs" else GenerateConfig(),
        epochs=_epochs(loaded, crossed=crossed, readout=readout),
        fail_on_error=FAIL_ON_ERROR,
        version=TASK_VERSION,
        display_name=DISPLAY_NAMES[condition],
        tags=list(TAGS),
        metadata=_metadata(loaded, condition, reference.version, reference.sha256)
        | {"explain": explain, "channel": channel, "readout": readout, "crossed": crossed}
        | _wordings(asked),
        viewer=viewer(loaded.attribute_ids),
        headline_metric=headline(condition),
    )
    return only_own_solver(task)


def _check_model() -> None:
    """Refuse a model that is known to give no log-probabilities, where a model is known yet."""
    try:
        model = get_model()  # inspect-evals-lint: ignore[get_model_location] -- before any call
    except ValueError:
        # A task that is built outside of an evaluation: its first answer will tell.
        return
    check_provider(str(model))


def _epochs(study: Study, *, crossed: bool, readout: str) -> int:
    """Return how often everything is asked: once where one call says what repetitions would."""
    if readout == "logprobs":
        return 1
    return max(study.epochs, CROSSED_EPOCHS) if crossed else study.epochs


Put = tuple[Dilemma, Order, Wording]
"""A dilemma as it is put."""


def _dealt(
    shown: Sequence[tuple[Dilemma, Order]], asked: Sequence[Wording], seed: int
) -> tuple[Put, ...]:
    """Deal wordings to dilemmas: both orders of one, and all epochs, are put in one wording."""
    once = list(dict.fromkeys(dilemma.id for dilemma, _ in shown))
    dealt = dict(zip(once, deal(asked, len(once), seed), strict=True))
    return tuple((dilemma, order, dealt[dilemma.id]) for dilemma, order in shown)


def _crossed(dilemmas: Sequence[Dilemma], asked: Sequence[Wording]) -> tuple[Put, ...]:
    """Put every dilemma in every wording and both orders."""
    return tuple(
        (dilemma, order, words)
        for (dilemma, order), words in (
            (shown, words)
            for dilemma in dilemmas
            for words in asked
            for shown in presentation([dilemma], "both", 0)
        )
    )


def _check_crossed(
    asked: Sequence[Wording], orders: str, readout: str, precision: float | None
) -> None:
    """Refuse a crossed run that could not tell the parts of the variance apart.

    Raises:
        UserError: Something that has to vary does not, or the run might end before it did.
    """
    if len(asked) < 2:
        raise UserError(
            f"crossed=true needs two wordings or more, not {asked[0].id} alone; for example "
            "wording=default,survey_text"
        )
    for name, value, only in (("orders", orders, "both"), ("readout", readout, "sample")):
        if value != only:
            raise UserError(f"crossed=true needs {name}={only}, not {value}")
    if precision is not None:
        raise UserError("crossed=true asks all of its design and cannot end with precision")


def of_every_task() -> dict[str, Any]:
    """Return what the log of every task says: limits of use, version, how it is sampled."""
    from kidney_evals import __version__
    from kidney_evals.limits import limits_and_use

    return {
        "limits_and_use": limits_and_use(),
        "kidney_evals_version": __version__,
        "sampling_default": (
            "temperature, top_p and reasoning are left unset: the model runs as its provider "
            "documents it; what was sent stands in each model event"
        ),
    }


def _metadata(
    study: Study, condition: Condition, reference_version: str, reference_hash: str
) -> dict[str, Any]:
    return {
        **of_every_task(),
        "condition": condition,
        "study": study.id,
        "study_title": study.title,
        "study_version": study.version,
        "study_hash": study.hash,
        "reference_version": reference_version,
        "reference_hash": reference_hash,
        "people_in_this_condition": study.people[condition],
        "citation": study.citation,
    }


def _wordings(asked: Sequence[Wording]) -> dict[str, Any]:
    """Return what the log says of the wordings: which, what they vary, what people lack."""
    lacks = dict.fromkeys(part for one in asked if (part := one.no_human_reference))
    said: dict[str, Any] = {"wordings": {one.id: one.varies for one in asked}}
    return said | ({"no_human_reference": "; ".join(lacks)} if lacks else {})
