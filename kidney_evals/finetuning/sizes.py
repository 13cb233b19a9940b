"""Numbers of training samples as a user writes them."""

from __future__ import annotations

from kidney_evals.errors import UserError


def read_sizes(text: str, option: str, *, least: int = 1) -> list[int]:
    """Read "8,32,128".

    Args:
        text: Numbers with commas between.
        option: What to call them in an error.
        least: The smallest number allowed.

    Returns:
        The numbers, ascending, each once.

    Raises:
        UserError: They are no such numbers.
    """
    try:
        sizes = sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise UserError(f"{option} takes whole numbers with commas between, not {text!r}") from None
    if sizes[0] < least:
        raise UserError(f"{option} must be at least {least}, not {sizes[0]}")
    return sizes
