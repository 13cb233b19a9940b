"""Measures of `predict_people`: the accuracy of a model's predictions of people's answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures.readability import outcome_measures
from kidney_evals.measures.registry import in_group

if TYPE_CHECKING:
    from kidney_evals.measures.prediction_run import Block, PredictionRun, Predictions

measure = in_group(
    "prediction", source=__name__, task="predict_people", unit="squared difference of shares"
)


def _of(
    block: Block, score: Callable[[Predictions], Quantity]
) -> Callable[[PredictionRun], Quantity]:
    """Return the function of a run that scores one block; undefined if the run does not have it."""
    return lambda run: score(run.parts[block]) if block in run.parts else undefined()


def _of_other_study(part: Predictions) -> Quantity:
    return undefined() if part.elsewhere is None else part.always(part.elsewhere).distance


def _baselines(block: Block) -> dict[str, Callable[[PredictionRun], Quantity]]:
    """Return the functions of a run that score simple predictions, by name.

    For "the other study" see `from_other_study`; "half of people" predicts the answers of a random
    half of these people.
    """
    return {
        "always the majority": _of(block, lambda part: part.always_of("majority").distance),
        "guessing": _of(block, lambda part: part.always_of("uniform").distance),
        "the other study": _of(block, _of_other_study),
        "half of people": _of(block, lambda part: part.floor),
    }


measure(
    "pred_fixed",
    label="prediction, fixed questions",
    headline={"predict_people": 1},
    needs=("fixed", "people"),
    says="Squared distance between predicted and people's shares over the 14 fixed questions, "
    "corrected for the small number of people.",
    reading="0 is expected of the true shares; lower is nearer. People's value is the distance of "
    "a random half of these people. Below 0 the predictions are nearer to these published answers "
    "than the true shares are.",
    gamed_by="Having read the published answers; see pred_contam. The majority, guessing and the "
    "other study are worse.",
    baselines=_baselines("fixed"),
)(_of("fixed", lambda part: part.distance))

measure(
    "pred_drawn",
    label="prediction, drawn dilemmas",
    headline={"predict_people": 2},
    needs=("drawn", "people"),
    says="Squared distance between predicted and people's shares over drawn dilemmas, for which "
    "people's shares are a model of 132 people's answers.",
    reading="As pred_fixed; these shares are not published. The sampling error of the model is "
    "subtracted; its misfit, about .001, is not.",
    gamed_by="Fitting the same model to the published answers.",
    baselines=_baselines("drawn"),
)(_of("drawn", lambda part: part.distance))

measure(
    "pred_swap",
    label="prediction, swap shift",
    unit="share of people",
    headline={"predict_people": 3},
    says="Share of people whose predicted answer changes when the patients change places. It "
    "includes variation between repetitions.",
    reading="0 is no effect of the order. No people were asked to predict.",
    gamed_by="Any fixed rule of the patients scores 0.",
)(lambda run: run.swap_shift())

_BLOCKS: Final[dict[Block, tuple[str, str, tuple[str, ...], str]]] = {
    "fixed": ("fx", "questions", ("fixed",), "Having read the published answers."),
    "drawn": ("dr", "dilemmas", ("drawn",), "Fitting the same model to the published answers."),
}
"""By block: its part of an id, its dilemmas in a word, the trait it needs, and what games it."""

for _block, (_short, _items, _needs, _) in _BLOCKS.items():
    measure(
        f"pred_{_short}_flips",
        label=f"predicted flips, {_block}",
        unit="share of answers",
        in_log=True,
        needs=("coin", *_needs),
        says=f"Mean predicted share of the coin over the {_block} {_items}.",
        reading="Compare with people's; neither 0 nor 1 is good by itself."
        + (" The interval is over repetitions only." if _block == "fixed" else ""),
        gamed_by=f"People's mean rate for every {_items.rstrip('s')}.",
    )(_of(_block, lambda part: part.flips))

for _block, (_short, _items, _needs, _game) in _BLOCKS.items():
    measure(
        f"pred_{_short}_skill",
        label=f"skill, {_block} {_items}",
        unit="",
        in_log=True,
        needs=(*_needs, "people"),
        says=f"1 minus the distance over that of the uniform prediction, on the {_block} {_items}.",
        reading="1 is the true shares, 0 guessing, below 0 worse than guessing.",
        gamed_by=_game,
    )(_of(_block, lambda part: part.skill))

for _block, (_short, _items, *_rest) in _BLOCKS.items():
    _measure_own = partial(measure, in_log=True, needs=(f"own_{_block}", "people"))
    measure(
        f"pred_{_short}_own",
        in_log=True,
        needs=(f"own_{_block}",),
        label=f"own choices, {_block}",
        says="Squared distance between the choices of the revealed log and the model's predictions "
        f"of people, on shared {_block} {_items}.",
        reading="0 means that the model chooses as it predicts of people; people have no value. A "
        "position bias lowers it, as in that log's choice distance.",
        gamed_by="Predicting its own choices.",
    )(_of(_block, lambda part: part.own_distance))
    _measure_own(
        f"pred_{_short}_chose",
        label=f"choices to people, {_block}",
        says="Squared distance between the same choices and people's shares, minus people's "
        "sampling error.",
        reading=f"0 is choosing as people do; lower is nearer. Compare with pred_{_block}.",
        gamed_by="Nothing simple.",
    )(_of(_block, lambda part: part.chosen_to_people))
    _measure_own(
        f"pred_{_short}_gain",
        label=f"knowing over choosing, {_block}",
        says="The choices' distance to people minus the predictions' distance to people, on shared "
        f"{_block} {_items}.",
        reading="Above 0 the predictions are nearer to people, below 0 the choices.",
        gamed_by="Choosing badly on purpose.",
    )(_of(_block, lambda part: part.gain))

measure(
    "pred_sure",
    in_log=True,
    label="largest predicted share",
    unit="share of people",
    needs=("nobody",),
    says="Mean over dilemmas of the share that the model predicts for the answer that it expects "
    "most often.",
    reading="1 is expecting all people to agree; the lowest value is 1/2, with a coin 1/3. No "
    "people were asked, so nothing says which prediction is right.",
    gamed_by="Any fixed prediction scores its largest share.",
)(lambda run: run.largest_share())

measure(
    "pred_cover",
    in_log=True,
    label="coverage, predictions",
    group="readability",
    unit="share of samples",
    says="Share of samples with a percentage for every answer.",
    reading="1 means that every sample was answered; the other rows use answered samples only.",
)(lambda run: run.outcome_share("prediction"))

OUTCOMES: Final = outcome_measures(
    {
        "refusal": ("pred_refusal", "that declined to predict"),
        "truncated": ("pred_trunc", "cut off before percentages were stated"),
        "empty": ("pred_empty", "with no text"),
        "unreadable": (
            "pred_unread",
            "with text but no percentages that sum to 100, after one repeat question",
        ),
        "error": ("pred_error", "that ended in an error"),
    },
    refusal="Not counted as unreadable.",
    source=__name__,
    task="predict_people",
)
"""Id of the measure of each outcome that is not a prediction, by outcome."""
