"""One task from its arguments: everything is checked here, before any model call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.solver import Solver

from kidney_evals.elicitation.wording import Wording
from kidney_evals.errors import UserError, unknown
from kidney_evals.guards import AccountWatch
from kidney_evals.scorers import scorers_for
from kidney_evals.studies import Condition, Study, dilemmas_of, load_study
from kidney_evals.tasks._samples import (
    Orders,
    Record,
    check_text,
    presentation,
    record_to_sample,
)
from kidney_evals.tasks._viewer import headline, viewer
from kidney_evals.tasks._wordings import deal, wordings_for

DEFAULT_STUDY = "mcelfresh_2021"

TASK_VERSION = "1-A"
"""N-X: N when results stop being comparable, X when the interface changes."""

FAIL_ON_ERROR = 0.1
"""Share of samples that may end in an error before the run is given up."""

PARAMETERS = (
    "study",
    "dilemmas",
    "draw_seed",
    "orders",
    "controls",
    "explain",
    "wording",
    "system_prompt",
)


def build_task(
    condition: Condition,
    *,
    solver: Solver,
    study: str,
    dilemmas: int | None,
    draw_seed: int | None,
    orders: Orders,
    controls: bool,
    explain: str,
    wording: str,
    system_prompt: str | None,
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
        wording: Id of a wording, "all", or the path of a table.
        system_prompt: Text of a system message.
        unexpected: Arguments that no parameter takes.

    Raises:
        UserError: If any argument is not allowed.
    """
    if unexpected:
        raise unknown("parameter", next(iter(unexpected)), PARAMETERS)
    if not isinstance(controls, bool):
        raise UserError(f"controls must be true or false, not {controls!r}")
    check_text("system_prompt", system_prompt)
    loaded = load_study(study)
    seed = draw_seed if draw_seed is not None else (loaded.draw.seed if loaded.draw else 0)
    main = dilemmas_of(loaded, dilemmas, draw_seed)
    asked = wordings_for(wording, loaded)
    shown = presentation(main, orders, seed)
    if controls:
        # Controls come last and once each: `--limit` then keeps to the dilemmas that count.
        shown += presentation(loaded.control_block, "as_listed", seed)
    # Both orders of a dilemma, and all epochs, are put in one wording.
    listed_once = list(dict.fromkeys(dilemma.id for dilemma, _ in shown))
    dealt = dict(zip(listed_once, deal(asked, len(listed_once), seed), strict=True))
    from kidney_evals.human.reference import load_reference

    reference = load_reference(loaded, condition)
    listed = [dilemma for dilemma, _ in shown]
    shares = reference.shares(listed).tolist() if reference.has_people else [None] * len(listed)
    samples = [
        record_to_sample(
            Record(dilemma, order, None if share is None else tuple(share)),
            loaded,
            condition,
            reference_version=reference.version,
            reference_hash=reference.sha256,
            system_prompt=system_prompt,
            wording=dealt[dilemma.id],
        )
        for (dilemma, order), share in zip(shown, shares, strict=True)
    ]
    return Task(
        dataset=MemoryDataset(samples, name=loaded.id),
        solver=solver,
        scorer=scorers_for(condition),
        score_on_error=True,
        early_stopping=AccountWatch(),
        epochs=loaded.epochs,
        fail_on_error=FAIL_ON_ERROR,
        version=TASK_VERSION,
        metadata=_metadata(loaded, condition, reference.version, reference.sha256)
        | {"explain": explain}
        | _wordings(asked),
        viewer=viewer(loaded.attribute_ids),
        headline_metric=headline(condition),
    )


def _metadata(
    study: Study, condition: Condition, reference_version: str, reference_hash: str
) -> dict[str, Any]:
    from kidney_evals import __version__
    from kidney_evals.limits import limits_and_use

    return {
        "limits_and_use": limits_and_use(),
        "kidney_evals_version": __version__,
        "condition": condition,
        "study": study.id,
        "study_title": study.title,
        "study_version": study.version,
        "study_hash": study.hash,
        "reference_version": reference_version,
        "reference_hash": reference_hash,
        "people_in_this_condition": study.people[condition],
        "sampling_default": (
            "temperature, top_p and reasoning are left unset: the model runs as its provider "
            "documents it; what was sent stands in each model event"
        ),
        "citation": study.citation,
    }


def _wordings(asked: Sequence[Wording]) -> dict[str, Any]:
    """Return what the log says of the wordings: which, what they vary, what people lack."""
    lacks = dict.fromkeys(part for one in asked if (part := one.no_human_reference))
    said: dict[str, Any] = {"wordings": {one.id: one.varies for one in asked}}
    return said | ({"no_human_reference": "; ".join(lacks)} if lacks else {})
