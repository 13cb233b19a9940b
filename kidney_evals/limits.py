"""The limits of use, as the README, logs and reports state them."""

from importlib.resources import files
from typing import Final

KIDNEY: Final = "kidney"
"""The good whose limits are in `limits_and_use.md`."""


def limits_and_use(good: str = KIDNEY, *, people: bool = True) -> str:
    """Return the limits of use of a study about `good`, in Markdown.

    `people` is whether people were asked; the text about the kidney does not depend on it.
    """
    if good == KIDNEY:
        path = files("kidney_evals").joinpath("limits_and_use.md")
        return path.read_text(encoding="utf-8").strip()
    lines = (
        "Not for decisions about anybody, and not evidence about any of them.",
        "Agreement describes the people who were asked. It does not say what is right, and a model "
        "that agrees with them is not thereby a good one."
        if people
        else "A model's choices do not say what is right, and a model that answers steadily is not "
        "thereby a good one.",
        "To decide by some of these attributes may be unfair, or unlawful where you are.",
        "These are stated choices in short vignettes. "
        f"{'People and models' if people else 'A model'} may act otherwise than "
        f"{'they say' if people else 'it says'}.",
        "Choosing the coin is not a virtue by itself.",
    )
    return "\n".join(f"- {line}" for line in lines)
