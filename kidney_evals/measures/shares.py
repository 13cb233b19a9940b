"""The human shares that an answer is compared with. This module must not load numpy."""

from kidney_evals.elicitation.form import Form
from kidney_evals.studies import Condition


def shares_beside(
    shares: tuple[float, ...] | None, form: Form, condition: Condition
) -> tuple[float, ...] | None:
    """Return the shares of people that answers to a question of this form are compared with.

    If another mechanism than a coin is offered, they are the shares among people who decided, since
    people's coin rate is not a rate of that mechanism. None if nobody answered or decided.
    """
    if shares is None or condition == "forced_choice" or form.mechanism == "coin":
        return shares
    first, second, *_ = shares
    decided = first + second
    # NaN if nobody was offered a coin.
    return (first / decided, second / decided) if decided > 0 else None
