"""The human shares that an answer is compared with. Nothing here may load numpy."""

from __future__ import annotations

from kidney_evals.elicitation.form import Form
from kidney_evals.studies import Condition


def shares_beside(
    shares: tuple[float, ...] | None, form: Form, condition: Condition
) -> tuple[float, ...] | None:
    """Return the shares of people that a question of this form is set beside.

    Where another mechanism than a coin is offered, people's coins are left out and what remains
    is how those who decided chose: people without this mechanism have no rate for it.

    Args:
        shares: People's shares in the condition: first, second and, with a coin, coin; None where
            nobody answered.
        form: The form of the question.
        condition: Which answers it offers.

    Returns:
        The shares, summing to 1; None where nobody answered, or nobody decided.
    """
    if shares is None or condition == "forced_choice" or form.mechanism == "coin":
        return shares
    first, second, *_ = shares
    decided = first + second
    # NaN where nobody was asked with a coin.
    return (first / decided, second / decided) if decided > 0 else None
