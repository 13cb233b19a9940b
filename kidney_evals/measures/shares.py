"""The human shares that an answer is compared with. This module must not load numpy."""

from kidney_evals.elicitation.form import Form
from kidney_evals.studies import Condition


def shares_beside(
    shares: tuple[float, ...] | None, form: Form, condition: Condition
) -> tuple[float, ...] | None:
    """Return the human shares with which answers are compared; None if nobody answered or decided.

    They are `shares`, unless something other than a coin is offered. Then they are the shares among
    people who decided, since people's coin rate says nothing about another mechanism.

    Args:
        shares: People's shares of first, second and, if people were offered a coin, coin.
        form: The form of the question, which names the mechanism that is offered.
        condition: The condition of the question.
    """
    if shares is None or condition == "forced_choice" or form.mechanism == "coin":
        return shares
    first, second, *_ = shares
    decided = first + second
    # NaN if nobody was offered a coin.
    return (first / decided, second / decided) if decided > 0 else None
