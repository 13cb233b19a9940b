"""`-M swayed_by=…`: answers move where the one thing is, as far as was asked, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from inspect_ai import eval
from inspect_ai.model import get_model

from kidney_evals.elicitation.reading import read_answer
from kidney_evals.elicitation.wording import wordings
from kidney_evals.errors import UserError
from kidney_evals.estimation.variance_shares import PARTS, one_hot, variance_shares
from kidney_evals.reporting import rows_of
from kidney_evals.studies import Condition, Dilemma, Order, Study
from kidney_evals.tasks import forced_choice
from respondents.asking import answers, message

Read = dict[tuple[str, str, int], str]
"""Answer or outcome by dilemma, order and epoch; a decision is the patient as listed."""


def _read(
    study: Study,
    dilemmas: tuple[Dilemma, ...],
    respondent: str,
    wording: str = "default",
    condition: Condition = "coin_flip",
    epochs: int = 1,
    crossed: bool = False,
    **arguments: Any,
) -> Read:
    put = wordings()[wording]
    places, asked = [], []
    for one in dilemmas:
        for order in get_args(Order):
            for epoch in range(1, epochs + 1):
                question = message(study, one, condition, order, epoch)
                assert question.metadata is not None
                question.metadata |= put.form.metadata(condition)
                question.metadata |= {
                    "wording": wording,
                    "role": bool(put.role),
                    "crossed": crossed,
                }
                places.append((one.id, order, epoch))
                asked.append([question])
    found: Read = {}
    outputs = answers(get_model(f"kidney/{respondent}", **arguments), asked)
    for place, output in zip(places, outputs, strict=True):
        reading = read_answer(output.completion, condition=condition, form=put.form)
        said: str = reading.answer or reading.outcome
        if said in ("A", "B"):
            said = "first" if (said == "A") == (place[1] == "ab") else "second"
        found[place] = said
    return found


def _turned(before: Read, after: Read) -> float:
    """Share of decisions that went to the other patient; nothing else may have changed."""
    other = {"first": "second", "second": "first"}
    decided = [place for place, said in before.items() if said in other]
    assert all(after[place] == said for place, said in before.items() if said not in other)
    assert all(after[place] in (before[place], other[before[place]]) for place in decided)
    return sum(after[place] != before[place] for place in decided) / len(decided)


# What sways, the question in which it does, and those in which it does not.
MOVED = [
    ("wording:sentence", "sentence", ("default", "table", "role_survey", "committee")),
    ("role", "role_survey", ("default", "sentence", "committee")),
    ("role", "role_advisor_system", ("default",)),
]


@pytest.mark.parametrize(("by", "moved", "still"), MOVED)
@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_decisions_are_turned_round_there_and_nowhere_else(
    by: str,
    moved: str,
    still: tuple[str, ...],
    condition: Condition,
    drawn: Study,
    dilemmas: tuple[Dilemma, ...],
) -> None:
    def read(wording: str, **arguments: Any) -> Read:
        return _read(drawn, dilemmas[:120], "majority", wording, condition, **arguments)

    plain = read(moved)
    assert _turned(plain, read(moved, swayed_by=by, sway=1)) == 1
    # 240 answers or nearly: standard error .032.
    assert _turned(plain, read(moved, swayed_by=by)) == pytest.approx(0.5, abs=0.1)
    assert _turned(plain, read(moved, swayed_by=by, sway=0.2)) == pytest.approx(0.2, abs=0.1)
    for wording in still:
        assert read(wording, swayed_by=by, sway=1) == read(wording)


def test_an_order_pulls_to_the_patient_shown_first(
    drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    plain = _read(drawn, dilemmas, "majority", condition="forced_choice")
    for sway in (0.4, 1.0):
        swayed = _read(
            drawn, dilemmas, "majority", condition="forced_choice", swayed_by="order", sway=sway
        )
        of_a = sum((said == "first") == (order == "ab") for (_, order, _), said in swayed.items())
        # Half of what is not pulled was shown first anyway: .4 + .6 / 2.
        assert of_a / len(swayed) == pytest.approx(sway + (1 - sway) / 2, abs=0.05)
        for (one, order, epoch), said in swayed.items():
            shown_first = "first" if order == "ab" else "second"
            assert said in (plain[one, order, epoch], shown_first)
    # The same as a position bias of half of it, and it leaves coins alone.
    for condition in ("forced_choice", "coin_flip"):
        pulled, biased = (
            _read(drawn, dilemmas, "human", condition=condition, **arguments)
            for arguments in ({"swayed_by": "order", "sway": 0.4}, {"position_bias": 0.2})
        )
        assert pulled == biased


def test_another_way_out_than_the_coin_draws_decisions(
    drawn: Study, dilemmas: tuple[Dilemma, ...]
) -> None:
    by = {"swayed_by": "mechanism", "sway": 0.3}

    def share(wording: str, **arguments: Any) -> float:
        read = _read(drawn, dilemmas, "human", wording, **arguments)
        return list(read.values()).count("COIN") / len(read)

    for wording in ("committee", "undecided", "waiting_list"):
        before = share(wording)
        # A share .3 of what was decided.
        expected = before + 0.3 * (1 - before)
        assert share(wording, **by) == pytest.approx(expected, abs=0.06)
        assert share(wording, swayed_by="mechanism", sway=1) == 1
    for still, condition in (("default", "coin_flip"), ("committee", "forced_choice")):
        plain = _read(drawn, dilemmas, "human", still, condition)  # type: ignore[arg-type]
        swayed = _read(drawn, dilemmas, "human", still, condition, **by)  # type: ignore[arg-type]
        assert swayed == plain


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({}, None),
        ({"swayed_by": "wording:sentence", "sway": 1}, "wording"),
        ({"swayed_by": "order", "sway": 0.6}, "order"),
        ({"swayed_by": "role", "sway": 1}, None),  # neither wording has one
    ],
)
def test_the_right_share_of_variance_moves_and_the_others_do_not(
    arguments: dict[str, Any],
    part: str | None,
    drawn: Study,
    dilemmas: tuple[Dilemma, ...],
) -> None:
    rows: list[tuple[str, str, str, int, int]] = []
    for wording in ("default", "sentence"):
        read = _read(
            drawn,
            dilemmas[:50],
            "human",
            wording,
            "forced_choice",
            epochs=2,
            crossed=True,
            person="dilemma",
            **arguments,
        )
        rows += [
            (one, wording, order, epoch, ("first", "second").index(said))
            for (one, order, epoch), said in read.items()
        ]
    labels, put, order, epoch, said = zip(*rows, strict=True)
    shares = variance_shares(labels, put, order, epoch, one_hot(np.array(said)))
    for name in PARTS[1:4]:
        found = shares.share(name)
        if name == part:
            assert found.low > 0.05, name
        else:
            assert found.low <= 0.02, name


@pytest.mark.parametrize(
    ("wording", "by"), [("sentence", "wording:sentence"), ("role_member_system", "role")]
)
def test_a_run_shows_it(wording: str, by: str, tmp_path: Path) -> None:
    agreement, logs = {}, {}
    for put in ("default", wording):
        logs[put] = log = eval(
            forced_choice(dilemmas=8, controls=False, wording=put),
            model="kidney/majority",
            model_args={"swayed_by": by, "sway": 1},
            log_dir=str(tmp_path),
            score_display=False,
        )[0]
        assert log.status == "success", log.error
        agreement[put] = rows_of(log)["agreement"]
    # Of the most that anybody could reach: with every decision turned round it is the minority's
    # share over the majority's.
    shares = [
        sorted((one.metadata["human_a"], one.metadata["human_b"]))
        for one in logs[wording].samples or []
    ]
    low, high = (sum(column) for column in zip(*shares, strict=True))
    assert agreement["default"].value == pytest.approx(1)
    assert agreement[wording].value == pytest.approx(low / high, abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"swayed_by": "mood"}, "unknown swayed_by 'mood'; allowed: wording:<id>, role, order"),
        ({"swayed_by": "wording:"}, "unknown swayed_by 'wording:'"),
        ({"swayed_by": "wording:Two Words"}, "unknown swayed_by"),
        ({"swayed_by": 3}, "unknown swayed_by 3"),
        ({"swayed_by": ["role", "order"]}, "unknown swayed_by ['role', 'order']"),
        ({"swayed_by": "role", "sway": 1.5}, "sway must be a number from 0 to 1, not 1.5"),
        ({"swayed_by": "role", "sway": "half"}, "sway must be a number from 0 to 1, not 'half'"),
        ({"sway": 0.5}, "sway says how far, and needs swayed_by: wording:<id>, role, order"),
    ],
)
def test_a_bad_sway_gets_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        get_model("kidney/human", **arguments)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
