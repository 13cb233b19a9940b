"""One plain sentence about a run of `predict_people`."""

from __future__ import annotations

from kidney_evals.measures.predictions import OUTCOMES
from kidney_evals.reporting.rows import Rows, unanswered

_SETS = {"fixed": ("fx", "fixed questions"), "drawn": ("dr", "drawn dilemmas")}


def prediction_sentence(rows: Rows) -> str:
    """Say in plain words how well people were predicted.

    Args:
        rows: The rows by name.
    """
    coverage = rows.get("pred_cover")
    if coverage is None or not coverage.defined or coverage.value == 0:
        return f"The model predicted in no sample{unanswered(rows, OUTCOMES)}."
    parts = [_of_set(rows, name) for name in _SETS]
    flips = rows.get("pred_fx_flips")
    if flips is not None and flips.defined:
        parts.append(
            f"It expects {100 * flips.value:.0f} % of the answers to the fixed questions to be "
            f"coins, where {100 * flips.human:.0f} % were."
        )
    parts += [_gain(rows, name) for name in _SETS]
    if coverage.value < 1:
        parts.append(
            f"{100 * (1 - coverage.value):.0f} % of the samples hold no prediction"
            f"{unanswered(rows, OUTCOMES)} and count nowhere."
        )
    return " ".join(part for part in parts if part)


def _of_set(rows: Rows, name: str) -> str:
    row = rows.get(f"pred_{name}")
    if row is None or not row.defined:
        return ""
    words = _SETS[name][1]
    known = rows.baselines(f"pred_{name}")
    text = (
        f"On the {words} the predictions lie {row.value:.3f} from people's shares "
        f"(0 is knowing them, half of the people know them to {row.human:.3f}"
    )
    if "guessing" in known:
        text += f", guessing gets {known['guessing'].value:.3f}"
    if "the other study" in known:
        text += f", the other study's people lead to {known['the other study'].value:.3f}"
    text += ")."
    if name == "fixed" and row.high < 0:
        text += (
            " That is below 0: nearer to these people's very answers than knowing people allows."
        )
    return text


def _gain(rows: Rows, name: str) -> str:
    row = rows.get(f"pred_{_SETS[name][0]}_gain")
    if row is None or not row.defined:
        return ""
    words = _SETS[name][1]
    if row.low > 0:
        return f"On the {words} the model knows people better than it chooses like them."
    if row.high < 0:
        return f"On the {words} the model chooses more like people than it knows them."
    return f"On the {words} it knows people about as well as it chooses like them."
