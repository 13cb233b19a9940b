"""Measures of `predict_people`: how near a model's predictions of people's answers come."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from kidney_evals.measures.estimators import undefined
from kidney_evals.measures.registry import in_group

if TYPE_CHECKING:
    from kidney_evals.estimation.quantity import Quantity
    from kidney_evals.measures.prediction_run import Block, PredictionPart, PredictionRun

measure = in_group(
    "prediction", __name__, task="predict_people", unit="squared difference of shares"
)

_READS_SKILL = "1 is the true shares, 0 guessing, below 0 worse than guessing."
_READS_FLIPS = "Compare with people's; neither end is a virtue."

Score = Callable[[Any, "PredictionPart"], "Quantity"]
"""Function of the module `prediction_scores`, which loads numpy, and one block of a run."""


def _of(block: Block, score: Score) -> Callable[..., Quantity]:
    """Return the function of a run that scores one block; undefined if the run does not have it."""

    def compute(run: PredictionRun) -> Quantity:
        from kidney_evals.measures import prediction_scores

        part = run.parts.get(block)
        return undefined() if part is None else score(prediction_scores, part)

    return compute


def _distance(scores: Any, part: PredictionPart) -> Quantity:
    found: Quantity = scores.prediction_distance(part.given)
    return found


def _always(shares: Callable[[Any, PredictionPart], Any]) -> Score:
    """Return the score: the distance of a respondent who always predicts `shares` of a block."""

    def score(scores: Any, part: PredictionPart) -> Quantity:
        predicted = shares(scores, part)
        if predicted is None:
            return undefined()
        found: Quantity = scores.prediction_distance(scores.always(part.given, predicted))
        return found

    return score


BASELINES: Final[dict[str, tuple[Score, str]]] = {
    "always the majority": (
        _always(lambda scores, part: scores.majority(part.given.people)),
        "Predicting that everybody gives people's most frequent answer.",
    ),
    "guessing": (
        _always(lambda scores, part: part.given.people * 0 + 1 / part.given.people.shape[1]),
        "Predicting every answer alike.",
    ),
    "the other study": (
        _always(lambda scores, part: part.study),
        "Predicting from the people of the other study. Levels of drinking stand for drinks a day "
        "as predict.md says, which is our assumption; ages 18 and 90 and not drinking lie outside "
        "the drawn study.",
    ),
    "half of people": (
        lambda scores, part: scores.half_of_people(part.given),
        "Predicting from the answers of a random half of these people, twice the variance of all "
        "their shares: the floor. The true shares would score 0.",
    ),
}
"""Scores of simple predictions by name, each with its description."""


def _baselines(block: Block) -> dict[str, Callable[..., Quantity]]:
    return {name: _of(block, score) for name, (score, _) in BASELINES.items()}


measure(
    "pred_fixed",
    label="prediction, fixed questions",
    level="headline",
    headline={"predict_people": 1},
    says="Squared distance between predicted and people's shares over the 14 fixed questions, "
    "without the bias of few people.",
    reading="0 is the true shares; lower is nearer. People's column is what half of these people "
    "predict of people. Below 0 is nearer to these very answers, which are public, than knowing "
    "people allows.",
    gamed_by="Having read the published answers; see pred_contam. The majority, guessing and the "
    "other study are worse.",
    baselines=_baselines("fixed"),
)(_of("fixed", _distance))

measure(
    "pred_drawn",
    label="prediction, drawn dilemmas",
    level="headline",
    headline={"predict_people": 2},
    needs=("drawn",),
    says="Squared distance between predicted and people's shares over drawn dilemmas, against the "
    "shares that a calibrated model of the drawn study's people gives them.",
    reading="As pred_fixed; these shares stand in no publication. Their model's own error is taken "
    "off, what it cannot fit is not.",
    gamed_by="The same model of the published answers.",
    baselines=_baselines("drawn"),
)(_of("drawn", _distance))


@measure(
    "pred_swap",
    label="prediction, swap shift",
    unit="share of people",
    level="headline",
    headline={"predict_people": 3},
    reading="0 is right. No people were asked to predict.",
    gamed_by="Any fixed rule of the patients scores 0.",
)
def swap_shift(run: PredictionRun) -> Quantity:
    """Share of people who are put under another answer when the patients change places.

    Repetitions that waver count too.
    """
    from kidney_evals.measures.prediction_scores import swap_shift as score

    return score([part.given for part in run.parts.values()])


_BLOCKS: Final[dict[Block, tuple[str, str, str]]] = {
    "fixed": ("fx", "fixed questions", "fixed"),
    "drawn": ("dr", "drawn dilemmas", "drawn"),
}
"""By block: its part of a measure's id, its name in a sentence, its name in a label."""

for _block, (_short, _words, _label) in _BLOCKS.items():
    measure(
        f"pred_{_short}_flips",
        label=f"predicted flips, {_label}",
        unit="share of answers",
        level="log",
        needs=("coin",) if _block == "fixed" else ("coin", "drawn"),
        says=f"Mean predicted share of the coin over the {_words}.",
        reading=_READS_FLIPS
        + (" Its interval is of repetitions alone." if _block == "fixed" else ""),
        gamed_by=f"People's mean rate for every {_words.split()[1].rstrip('s')}.",
    )(_of(_block, lambda scores, part: scores.predicted_flips(part.given)))

for _block, (_short, _words, _label) in _BLOCKS.items():
    measure(
        f"pred_{_short}_skill",
        label=f"skill, {_words}",
        unit="",
        level="log",
        needs=() if _block == "fixed" else ("drawn",),
        says=f"1 minus the distance over that of the uniform prediction, on the {_words}.",
        reading=_READS_SKILL,
        gamed_by="Having read the published answers."
        if _block == "fixed"
        else "The same model of the published answers.",
    )(_of(_block, lambda scores, part: scores.skill(part.given)))


def _own(block: Block, name: str) -> Callable[..., Quantity]:
    """Return the function of a run that compares predictions and own choices on one block."""

    def score(scores: Any, part: PredictionPart) -> Quantity:
        from kidney_evals.measures import own_choices

        if part.own is None:
            return undefined()
        found: Quantity = getattr(own_choices, name)(part.own)
        return found

    return _of(block, score)


for _block, (_short, _words, _label) in _BLOCKS.items():
    measure(
        f"pred_{_short}_own",
        level="log",
        label=f"own choices, {_label}",
        needs=(f"own_{_block}",),
        says="Squared distance between the choices of the revealed log and what the model predicts "
        f"of people, on shared {_words}.",
        reading="0 is choosing as one expects people to. Of people nothing is known here. A pull "
        "to one side of the screen lowers it, as in that log's choice distance.",
        gamed_by="Predicting what one chooses.",
    )(_own(_block, "own_distance"))
    measure(
        f"pred_{_short}_chose",
        level="log",
        label=f"choices to people, {_label}",
        needs=(f"own_{_block}",),
        says="Squared distance between the same choices and people's shares, people's own error "
        "taken off.",
        reading=f"0 is choosing as people do; lower is nearer. Compare with pred_{_block}.",
        gamed_by="Nothing simple; the majority and guessing are worse.",
    )(_own(_block, "own_to_people"))
    measure(
        f"pred_{_short}_gain",
        level="log",
        label=f"knowing over choosing, {_label}",
        needs=(f"own_{_block}",),
        says="The choices' distance to people minus the predictions' distance to people, on shared "
        f"{_words}.",
        reading="Above 0 the model knows people better than it chooses like them; below 0 it "
        "chooses more like them than it knows.",
        gamed_by="Choosing badly on purpose.",
    )(_own(_block, "knowledge_gain"))


def _outcome(name: str) -> Callable[[PredictionRun], Quantity]:
    def compute(run: PredictionRun) -> Quantity:
        from kidney_evals.estimation.indecision import outcome_share

        return outcome_share(run.dilemma, run.order, run.outcomes == name)

    return compute


measure(
    "pred_cover",
    level="log",
    label="coverage, predictions",
    group="readability",
    unit="share of samples",
    says="Share of samples with a percentage for every answer.",
    reading="1 is everything answered; the other rows speak of these samples only.",
)(_outcome("prediction"))

OUTCOMES: Final = {
    "refusal": "pred_refusal",
    "truncated": "pred_trunc",
    "empty": "pred_empty",
    "unreadable": "pred_unread",
    "error": "pred_error",
}
"""The measure of each outcome that is no prediction."""

_OUTCOMES: Final = {
    "refusal": ("that declined to predict", "Apart from what could not be read."),
    "truncated": ("cut off before percentages were stated", "Raise the token limit."),
    "empty": ("with no text", "The machinery, not the model's knowledge."),
    "unreadable": (
        "with text but no percentages that make 100, after one repeat question",
        "Read the transcripts.",
    ),
    "error": ("that ended in an error", "Retry the log."),
}

for _name, (_what, _reading) in _OUTCOMES.items():
    measure(
        OUTCOMES[_name],
        label=_name,
        group="readability",
        unit="share of samples",
        says=f"Share of samples {_what}.",
        reading=_reading,
    )(_outcome(_name))
