"""Make a site of simulated respondents that shows how each kind of failure looks in a report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from kidney_evals.errors import UserError

if TYPE_CHECKING:
    from kidney_evals.reporting.page import Report

FEWEST: Final = 30
"""Minimum number of drawn dilemmas, enough to infer the speakers' values from their choices."""

TITLE: Final = "What failures look like: eight simulated respondents beside people"

_SPEAKERS: Final = ("human", "lexicographic", "anti_human")
"""Respondents that are also asked for reasons, for their values and for a prediction of people."""

_FIXED: Final = "mcelfresh_2021_fixed"
_FIXED_EPOCHS: Final = 5

BEFORE, AFTER = "kidney/never_flips", "kidney/human"
"""Respondents that stand in for a model before and after training; no model is trained."""

REMARK: Final = (
    f"Nothing was trained here: {BEFORE} stands in for a model before training and {AFTER} for the "
    "same after it."
)


def notes() -> Mapping[str, str]:
    """Return a remark for the reader on each respondent, by model name."""
    text = files("kidney_evals.reporting").joinpath("gallery.yaml").read_text(encoding="utf-8")
    return {f"kidney/{name}": str(note) for name, note in yaml.safe_load(text).items()}


def make_gallery(
    out: str | Path,
    *,
    dilemmas: int = 100,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Report:
    """Run the respondents offline and make a site of their logs in the folder `out`.

    `dilemmas` is the number of drawn dilemmas in each run; `say` is called with a line for each
    step.

    Raises:
        UserError: There are too few dilemmas, the folder holds other files, or it cannot be
            written.
    """
    from kidney_evals.reporting.page.site import check_out, write_site

    if dilemmas < FEWEST:
        raise UserError(f"a gallery needs {FEWEST} dilemmas or more, not {dilemmas}")
    check_out(out, overwrite=overwrite)
    with tempfile.TemporaryDirectory() as folder:
        _ask(Path(folder), dilemmas, say)
        say("writing the site")
        return write_site(
            [folder], out, notes=notes(), trained=REMARK, title=TITLE, overwrite=overwrite
        )


def _ask(logs: Path, dilemmas: int, say: Callable[[str], None]) -> None:
    from inspect_ai import eval

    from kidney_evals.reporting.runs import UNTRAINED
    from kidney_evals.tasks import coin_flip, forced_choice, predict_people, stated_values

    def run(model: str, tasks: list[Any], **options: Any) -> list[Any]:
        # "none" is as silent, but still lays out the table of every run and discards it.
        return eval(tasks, model=model, log_dir=str(logs), display="log", **options)

    for model in notes():
        say(f"asking {model}")
        run(model, [coin_flip(dilemmas=dilemmas)])
        chosen = run(model, [forced_choice(dilemmas=dilemmas)])[0]
        run(model, [coin_flip(study=_FIXED)], epochs=_FIXED_EPOCHS)
        if model.removeprefix("kidney/") in _SPEAKERS:
            run(model, [forced_choice(dilemmas=dilemmas // 4, explain="after")])
            run(model, [stated_values(revealed=chosen.location), predict_people()])
    say("asking stand-ins for before and after")
    for arm, model in ((UNTRAINED, BEFORE), ("after", AFTER)):
        tasks = [task(dilemmas=dilemmas // 2) for task in (coin_flip, forced_choice)]
        for task in tasks:
            # The same metadata that `kidney-evals sft evaluate` writes.
            facts = task.metadata or {}
            task.metadata = facts | {"sft_arm": arm, "sft_part": facts["condition"]}
        run(model, tasks, epochs=2)
