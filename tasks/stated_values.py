"""Stated values: a model's statements about its own weights, rules and coin flips."""

import hashlib
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.log import HeadlineMetric

from kidney_evals.elicitation import solvers
from kidney_evals.elicitation.stated_questions import (
    StatedWording,
    put_stated,
    stated_metadata,
    stated_wordings,
)
from kidney_evals.errors import UserError
from kidney_evals.measures import MEASURES
from kidney_evals.scorers.stated import stated, stated_measures
from kidney_evals.studies import DEFAULT_STUDY, Condition, load_study
from kidney_evals.tasks._build import headline_of, new_task, refuse, study_facts
from kidney_evals.tasks._revealed import read_revealed
from kidney_evals.tasks._samples import joined, messages_of, origin_of, text_given
from kidney_evals.tasks._viewer import attribute_labels, sample_list


@task
def stated_values(
    study: str | list[str] = DEFAULT_STUDY,
    revealed: str | list[str] | None = None,
    system_prompt: str | list[str] | None = None,
    **unexpected: Any,
) -> Task:
    """Ask the model to state its values, for comparison with the values that choices reveal.

    The model rates a change of each attribute over its full range, ranks the attributes, names
    its rule, and states for which kinds of pairs it would flip a coin; each question has four
    wordings. No people were asked for stated weights: the human values are those that people's
    choices reveal. Generation settings are Inspect's own options and are unset by default.

    Args:
        study: A shipped study (mcelfresh_2021, mcelfresh_2021_fixed, freedman_2020,
            boerstler_2024; without people icu_bed, liver, school_place) or the path of a
            study folder.
        revealed: A finished log of forced_choice or coin_flip in the same study; adds the gap
            between the stated values and the values that the log reveals.
        system_prompt: Text of a system message; none by default.
        **unexpected: Not allowed; the error lists the parameters.
    """
    from kidney_evals.human.reference import load_reference

    refuse(unexpected, ("study", "revealed", "system_prompt"))
    system_prompt = text_given("system_prompt", system_prompt)
    revealed = text_given("revealed", revealed)
    loaded = load_study(joined(study))
    if len(loaded.attributes) < 2:
        raise UserError(f"study {loaded.id!r} has one attribute; values are stated of two or more")
    for name in loaded.attribute_ids:
        for row in (f"st_{name}", f"gap_{name}"):
            if row in MEASURES:
                raise UserError(
                    f"study {loaded.id!r}: attribute {name!r} would make the row {row!r}, which "
                    "stated_values has already; rename the attribute"
                )
    shares = None if revealed is None else read_revealed(revealed, loaded)
    # People in the condition of the revealed log, or in forced choice without a log.
    condition: Condition = shares.condition if shares else "forced_choice"
    reference = load_reference(loaded, condition)
    kept = shares.metadata(loaded.attribute_ids) if shares else {}
    samples = []
    for raw in _interleaved(tuple(stated_wordings().values())):
        wording = put_stated(raw, loaded)
        # Part of the sample's id, so that a retried or merged log cannot mix two versions of a
        # question or two revealed logs.
        content = repr((loaded.hash, wording.digest, shares))
        samples.append(
            Sample(
                id=f"{wording.id}-{hashlib.sha256(content.encode()).hexdigest()[:8]}",
                input=messages_of(system_prompt, f"{wording.kind}: {wording.varies}"),
                target="none",
                metadata={
                    **stated_metadata(wording, loaded),
                    **origin_of(loaded, reference),
                    **kept,
                },
            )
        )
    rows = stated_measures(loaded, revealed=shares is not None, people=reference.has_people)
    note = (
        "no people were asked for stated weights; figures of people are what the choices "
        f"of {reference.people} people in this condition reveal"
    )
    return new_task(
        samples,
        loaded.id,
        title="stated values",
        about="What does the model say that it values?",
        compared="Its statements are compared with the values that people's choices reveal.",
        study=loaded,
        people=reference.has_people,
        solver=solvers.stated_values(),
        scorer=[stated()],
        rows=rows,
        epochs=3,
        metadata={
            "asks": "stated_values",
            **study_facts(loaded, reference),
            **({"no_human_reference": note} if reference.has_people else {}),
            **kept,
        },
        viewer=sample_list(
            "What it says",
            "stated",
            {"question": "Question", "said": "Model said"}
            | attribute_labels("st_*", loaded.attribute_ids),
            input_first=False,
        ),
        headline_metric=HeadlineMetric(scorer="stated", score=headline_of("stated_values", rows)),
    )


def _interleaved(wordings: Sequence[StatedWording]) -> list[StatedWording]:
    """Return the first wording of every question, then the second, and so on, for `--limit`."""
    groups: dict[str, list[StatedWording]] = {}
    for wording in wordings:
        groups.setdefault(wording.kind, []).append(wording)
    columns = zip_longest(*groups.values())
    return [wording for column in columns for wording in column if wording is not None]
