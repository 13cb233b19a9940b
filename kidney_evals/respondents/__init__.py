"""Simulated respondents: models with known answer probabilities, offline and free of charge.

Inspect calls them as a model, `--model kidney/human`; `describe()` lists them. Importing this
module registers the provider and loads nothing else. Public modules: `definitions` (each respondent
as an array of probabilities), `arguments` (the arguments after `-M`), `people` (the simulated
people behind the human shares), `question` and `replies`.

    >>> import numpy as np
    >>> from kidney_evals.respondents.definitions import Dilemmas, uniform
    >>> uniform(Dilemmas(shares=np.array([[0.7, 0.3]]), differences=np.array([[1.0]]))).tolist()
    [[[0.5, 0.5, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]]]
"""

from inspect_ai.model import ModelAPI, modelapi

__all__ = ["describe", "kidney"]


@modelapi(name="kidney")
def kidney() -> type[ModelAPI]:
    """Provide the simulated respondents to Inspect as `kidney/<respondent>`."""
    from kidney_evals.respondents.provider import KidneyAPI

    return KidneyAPI


def describe() -> str:
    """Return the documentation of every respondent and of the arguments, as Markdown sections."""
    from kidney_evals.respondents.arguments import ARGUMENTS, COMMON
    from kidney_evals.respondents.definitions import respondents

    sections = []
    for respondent in respondents():
        section = f"## kidney/{respondent.name}\n\n{respondent.description}"
        own = [f"`{name}`" for name in respondent.takes if name not in COMMON]
        if own:
            section += f"\n\nAlso takes {', '.join(own)}."
        sections.append(section)
    listed = "\n".join(f"- `{name}`: {meaning}" for name, meaning in ARGUMENTS.items())
    common = ", ".join(f"`{name}`" for name in COMMON)
    sections.append(f"## Arguments\n\nEvery respondent takes {common}.\n\n{listed}")
    return "\n\n".join(sections) + "\n"
