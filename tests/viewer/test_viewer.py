"""A finished run as a person meets it: `inspect view` in a real browser."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from inspect_ai.log import EvalLog

from kidney_evals.studies import CONDITIONS
from tasks.running import TASKS, run
from viewer.required import require_browser

if TYPE_CHECKING:
    from viewer.browsing import Viewer

pytestmark = pytest.mark.timeout(240)

PEOPLE = "score__human_alignment__people"
CHOICE = "score__human_alignment__choice"
AGREEMENT = "score__human_alignment__agreement"

ONE_BY_DEFAULT = ["coin_flip", pytest.param("forced_choice", marks=pytest.mark.slow)]
"""The condition with more to show, and the other."""


@pytest.fixture(scope="module")
def logs() -> dict[str, EvalLog]:
    """The logs of the runs on show, by condition."""
    return {}


@pytest.fixture(scope="module")
def viewer(
    logs: dict[str, EvalLog], tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[Viewer]":
    require_browser()
    from viewer.browsing import browsing, viewing

    folder, home = tmp_path_factory.mktemp("logs"), tmp_path_factory.mktemp("home")
    with viewing(folder, home) as address:
        # While the server starts, which takes as long as the two runs.
        for condition in CONDITIONS:
            task = TASKS[condition](dilemmas=30, controls=False)
            logs[condition] = run(task, folder, model_args={"indecision": 0.3})
        with browsing(address, home) as opened:
            yield opened
            assert opened.complaints == []


def test_the_log_list_shows_the_headline(viewer: "Viewer", logs: dict[str, EvalLog]) -> None:
    viewer.open_list(len(logs))
    tasks, scores = (viewer.cells(name).all_inner_texts() for name in ("task", "score"))
    shown = dict(zip(tasks, scores, strict=True))
    for log in logs.values():
        assert log.results is not None and log.results.headline is not None
        first = log.results.scores[0]
        assert log.results.headline.score == first.name
        value = first.metrics["est_value"].value
        assert float(shown[log.eval.task]) == pytest.approx(value, abs=5.1e-4)


@pytest.mark.parametrize("condition", ONE_BY_DEFAULT)
def test_the_header_shows_three_rows_with_their_columns(
    condition: str, viewer: "Viewer", logs: dict[str, EvalLog]
) -> None:
    viewer.open_run(logs[condition].location)
    _, heads, *rows = viewer.table()
    # Inspect's header has three rows and five columns: n and stderr are in "All scoring…".
    assert heads[-5:] == ["value", "low", "high", "people", "person"]
    results = logs[condition].results
    assert results is not None and len(rows) == 3
    # The viewer puts rows with the same columns into one table, and shows that of the headline.
    columns = list(results.scores[0].metrics)
    alike = [score for score in results.scores if list(score.metrics) == columns]
    for (name, *cells), score in zip(rows, alike, strict=False):
        assert name.split("(")[0].strip() == score.name
        # Inspect prints three decimals.
        values = [metric.value for metric in score.metrics.values()][:5]
        assert [float(cell) for cell in cells] == pytest.approx(values, abs=5.1e-4)


@pytest.mark.parametrize("condition", ONE_BY_DEFAULT)
def test_the_sample_list_starts_with_the_disagreement(
    condition: str, viewer: "Viewer", logs: dict[str, EvalLog]
) -> None:
    viewer.open_run(logs[condition].location)
    people = {"coin_flip": "People A/B/coin %", "forced_choice": "People A/B %"}[condition]
    heads = ["Id", "Input", people, "Model chose", "Agreement", "Age", "Drinks", "Dependents"]
    assert viewer.heads()[:8] == heads
    # The rows of the run are blank in samples. The viewer cannot hide them: they have no head.
    assert set(viewer.heads()[8:]) <= {""}
    agreement = [float(text) for text in viewer.cells(AGREEMENT).all_inner_texts() if text]
    assert len(agreement) > 5
    assert agreement == sorted(agreement)
    samples = {f"{one.id}": one for one in logs[condition].samples or []}
    ids = viewer.cells("sampleId").all_inner_texts()
    whole = "A / B: {a_age} / {b_age} years, {a_drinks} / {b_drinks} drinks a day, "
    whole += "{a_dependents} / {b_dependents} children"
    for cell, name in zip(viewer.cells("input").all(), ids, strict=True):
        assert cell.inner_text() == whole.format(**samples[name].metadata)
        assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    for shown, column in ((PEOPLE, "people"), (CHOICE, "choice")):
        expected = [
            (samples[name].scores or {})["human_alignment"].as_dict()[column] for name in ids
        ]
        assert viewer.cells(shown).all_inner_texts() == expected


@pytest.mark.parametrize(
    ("condition", "choice"), [("coin_flip", "COIN"), ("forced_choice", "undecided")]
)
def test_indecision_has_a_colour_of_its_own(
    condition: str, choice: str, viewer: "Viewer", logs: dict[str, EvalLog]
) -> None:
    viewer.open_run(logs[condition].location)
    colours: dict[str, set[str]] = {}
    for cell in viewer.cells(CHOICE).all():
        colour = cell.evaluate("cell => getComputedStyle(cell).backgroundColor")
        colours.setdefault(cell.inner_text(), set()).add(colour)
    assert {"A", "B", choice} <= set(colours)
    assert len(colours[choice]) == 1
    assert colours["A"] == colours["B"] and not colours["A"] & colours[choice]


@pytest.mark.parametrize("condition", ONE_BY_DEFAULT)
def test_a_sample_explains_itself_in_a_table(
    condition: str, viewer: "Viewer", logs: dict[str, EvalLog]
) -> None:
    viewer.open_run(logs[condition].location)
    choice = viewer.cells(CHOICE).nth(0).inner_text()
    name = viewer.cells("sampleId").nth(0).inner_text()
    sample = next(one for one in logs[condition].samples or [] if one.id == name)
    viewer.open_scoring()
    options = ["A", "B", "COIN"] if condition == "coin_flip" else ["A", "B"]
    heads, *attributes, people, model = viewer.table()
    assert heads == ["", "Patient A", "Patient B", "Coin"][: len(options) + 1]
    ages = [f"{sample.metadata[f'{side}_age']} years" for side in "ab"]
    assert attributes[0][:3] == ["Age", *ages]
    assert people[0] == "People chose"
    shares = [100 * sample.metadata[f"human_{option.lower()}"] for option in options]
    assert [float(cell.rstrip("%")) for cell in people[1:]] == pytest.approx(shares, abs=0.51)
    assert model == ["Model chose", *("✓" if option == choice else "" for option in options)]
