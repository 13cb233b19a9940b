"""The page: its numbers are the log's, nothing leaves it, and what a log says stays text."""

import csv
import html
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import repeat
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import Result
from inspect_ai import eval
from inspect_ai.log import read_eval_log
from inspect_ai.model import ModelOutput

from kidney_evals import __version__
from kidney_evals.human.reference import load_reference
from kidney_evals.human.tables import RANDOM_FILE
from kidney_evals.measures import find
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.page import as_html, read_report
from kidney_evals.reporting.page.choices import SIMULATED, simulated_people
from kidney_evals.reporting.page.parts import PanelRuns, Table, how_to_read, shown, slug
from kidney_evals.reporting.page.sections import arms_of, trained_figures
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.reporting.sentences import moves_sentence
from kidney_evals.reporting.text import number
from kidney_evals.studies import datasets_dir, load_study
from reasons.scouting import answered, mocked, require_scout, said
from reporting.conftest import Made
from reporting.making_logs import another, edited, fact, spec
from reporting.pairs import COIN, FIRST, model_run, run_of

Cli = Callable[..., Result]

HOSTILE = "<script>alert(1)</script> & \"quoted\" 'single' `tick` \x1b[31mred"
"""A model's name that would do harm where it is taken for markup."""

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """A page taken apart: tags with attributes, texts of tables, and whether tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.cells: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data


@pytest.fixture(scope="session")
def page(made: Made) -> str:
    return as_html(read_report([str(made.coin), str(made.forced), str(made.other)]))


def test_every_number_of_a_log_stands_in_the_page(made: Made, page: str) -> None:
    cells = Page(page).cells
    for path in (made.coin, made.forced):
        for name, row in rows_of(read_eval_log(str(path))).items():
            # model, row, quantity, value, low, high, people, n
            shown = [*(number(value) for value in row[:4]), f"{row.n:,}"]
            places = [i for i, cell in enumerate(cells) if cell == name]
            assert any(cells[i + 2 : i + 7] == shown for i in places), (name, row)


def test_nothing_is_fetched_and_links_resolve(page: str) -> None:
    tags = Page(page).tags
    assert not {"script", "iframe", "object", "img"} & {tag for tag, _ in tags}
    names = ("href", "src", "xlink:href")
    addresses = [found[name] for _, found in tags for name in names if name in found]
    assert addresses and all(address.startswith(("#", "data:")) for address in addresses)
    assert "url(" not in page and "@import" not in page
    ids = [found["id"] for _, found in tags if "id" in found]
    assert len(ids) == len(set(ids))
    leads = {address[1:] for address in addresses if address.startswith("#")}
    assert leads and leads <= set(ids)


def test_names_from_a_log_are_text(made: Made, tmp_path: Path) -> None:
    task = spec("task", "task</h3><script>alert(2)</script>")
    rename = another(fact("study_title", "<b>bold</b>"), spec("model", HOSTILE), task)
    path = edited(made.coin, tmp_path / "hostile.eval", rename)
    text = as_html(read_report([str(path), str(made.coin)]))
    assert not [tag for tag, _ in Page(text).tags if tag in ("script", "b")]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\x1b" not in text


def test_a_page_with_its_figures_as_files(made: Made, tmp_path: Path, kidney_evals: Cli) -> None:
    page, assets = tmp_path / "page.html", tmp_path / "assets"
    result = kidney_evals("report", made.coin, made.forced, "-o", page, "--assets", assets)
    assert result.exit_code == 0, result.output
    assert f"{page}: 1 model, 2 runs" in result.output
    drawn = sorted(assets.glob("*.svg"))
    assert drawn
    for path in drawn:
        ElementTree.parse(path)
        assert path.with_suffix(".csv").is_file()
    with (next(assets.glob("nearness-coin*.csv"))).open(encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    rows = rows_of(read_eval_log(str(made.coin)))
    found = next(line for line in lines if line["quantity"] == "agreement over ceiling")
    assert float(found["value"]) == pytest.approx(rows["agreement"].value, abs=1e-6)


def test_bad_input_is_one_line(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kidney_evals: Cli
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments, says in (
        ((made.other,), "none of 1 logs holds answers to a kidney_evals task"),
        ((made.coin, "--png"), "--png writes into a folder: name it with --assets"),
    ):
        result = kidney_evals("report", *arguments)
        assert result.exit_code == 2 and says in result.output
    assert not list(tmp_path.iterdir())


def test_a_table_shows_what_the_file_holds() -> None:
    table = Table(("who", "share", "n"), (("a", 0.12345678, 1200), ("b", float("nan"), 0)))
    assert [shown(cell, "share") for row in table.rows for cell in row] == [
        *("a", "0.123", "1,200"), *("b", "–", "0"),
    ]  # fmt: skip
    assert table.csv() == "who,share,n\na,0.123457,1200\nb,,0\n"
    # However small, a p-value is not 0, on the page or in the file.
    table = Table(("who", "adjusted p"), (("a", 0.00000012345), ("b", 0.0456)))
    assert [shown(row[1], "adjusted p") for row in table.rows] == ["< 0.001", "0.046"]
    assert table.csv() == "who,adjusted p\na,1.23e-07\nb,0.0456\n"


def test_ids_are_plain_and_texts_use_labels_and_no_nan() -> None:
    assert slug("Flip Curve", "a_b") == "flip-curve-a-b" and slug("…", "A  (b)", "") == "a-b"
    reading = "See side_pull, not_a_row; NaN without a signal. NaN at 0."
    card = replace(find("distance"), reading=reading, gamed_by="Guessing; see flip_calib.")
    assert how_to_read(card) == (
        "See choice distance, side pull, not_a_row; no value without a signal. No value at 0. "
        "Gamed by: guessing; see flip calibration."
    )


def test_a_model_that_answers_alike_in_both_orders() -> None:
    never = model_run(run_of(lambda dilemma, order: FIRST, 20))
    assert moves_sentence(never) == "The same indecision rate in both orders of the patients."


def test_simulated_people_are_drawn_where_single_people_are_known(page: str) -> None:
    study = load_study("mcelfresh_2021")
    shares, text = simulated_people(load_reference(study, "coin_flip"))
    assert text in html.unescape(page)
    fitted = "a random-coefficient Davidson model fitted to the answers of 132 people (independent"
    assert f"{SIMULATED} simulated people, not measured individuals, drawn from {fitted}" in text
    assert "the mean share is age +0.36, drinks +0.24, dependents +0.27;" in text
    np.testing.assert_allclose(np.abs(shares).sum(axis=1), 1)
    # Their standard deviation is below .31, their mean's error therefore below .31/√32 = .055.
    np.testing.assert_allclose(shares.mean(axis=0), [0.36, 0.24, 0.27], atol=0.11)
    _, text = simulated_people(load_reference(load_study("freedman_2020"), "forced_choice"))
    assert "the random-coefficient model that was published with the study" in text


def test_else_simulated_people_are_a_synthetic_crowd(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    shutil.copytree(datasets_dir() / "mcelfresh_2021", folder)
    (folder / "reference" / RANDOM_FILE).unlink()
    shares, text = simulated_people(load_reference(load_study(folder), "forced_choice"))
    assert "32 simulated people, not measured individuals: a synthetic crowd" in text
    assert "fitted to no answers of this study" in text and shares.shape == (32, 3)


def reported(logs: Path, *scans: Path) -> str:
    """Return the page of a folder of logs."""
    text = as_html(read_report([str(logs)], scans=scans))
    Page(text)
    return text


def section(text: str, id: str) -> str:
    """Return the text of a section of a page."""
    return text.split(f'<section id="{id}">')[1].split("</section>")[0]


def test_two_versions_of_the_package_are_named_apart(made: Made, tmp_path: Path) -> None:
    shutil.copy(made.forced, tmp_path / "a.eval")
    edited(made.forced, tmp_path / "b.eval", another(fact("kidney_evals_version", "0.0.1")))
    text = reported(tmp_path)
    for version in ("0.0.1", __version__):
        assert f"kidney/human, package {version}" in section(text, "summary")
        assert f">{version}</td>" in section(text, "methods")
    assert f"with kidney-evals 0.0.1 and {__version__} on Inspect AI" in section(text, "methods")
    # The two stand side by side, and are one model.
    assert "<h1>Kidney dilemmas: 1 model beside people</h1>" in text
    assert "cannot be told apart" in section(text, "differences")


def arms(made: Made, logs: Path, *names: str) -> None:
    """Write logs of arms of `kidney-evals sft evaluate`, and of another run."""
    shutil.copy(made.coin, logs / "other.eval")
    for count, name in enumerate(names, 2):
        model = spec("model", "kidney/trained" if name == "after" else "kidney/plain")
        facts = (fact("sft_arm", name), fact("sft_part", "coin_flip"))
        edited(made.coin, logs / f"{name}.eval", another(model, *facts, number=count))


MAIN = ("summary", "importance", "flips", "dilemmas", "nearness", "consistency", "differences")


def test_arms_of_fine_tuning_stand_in_their_section_and_in_tables_only(
    made: Made, tmp_path: Path
) -> None:
    arms(made, tmp_path, "before", "after")
    text = reported(tmp_path)
    for id in MAIN:
        assert "human<" in section(text, id) or id == "differences"
        assert "trained" not in section(text, id).replace("#trained", "")
        assert "kidney/plain" not in section(text, id)
    assert "No two runs here" in section(text, "differences")
    assert "2 runs before and after fine-tuning stand under" in section(text, "summary")
    trained = section(text, "trained")
    assert "From kidney/plain, before training, to: “after” (kidney/trained)." in trained
    # The same answers under two names: nothing changed, and people are drawn in.
    assert "<td>after</td><td>indecision rate</td>" in trained.replace(' class="k"', "")
    assert ">people 0" in trained
    for id in ("numbers", "methods"):
        assert "kidney/plain, before" in section(text, id)
        assert "kidney/trained, after" in section(text, id)


@pytest.mark.parametrize("alone", [True, False])
def test_arms_without_anything_else_stand_everywhere(
    alone: bool, made: Made, tmp_path: Path
) -> None:
    # With nothing else to show, the arms are what the report is on. An arm without the run that it
    # would be set beside is a run like any other.
    arms(made, tmp_path, "after", "before" if alone else "few-shot:8")
    if alone:
        (tmp_path / "other.eval").unlink()
    text = reported(tmp_path)
    assert "kidney/trained, after" in section(text, "summary")
    assert "stand under" not in section(text, "summary")
    absent = "No log of <code>kidney-evals sft evaluate</code>" in section(text, "trained")
    assert absent != alone


def test_arms_of_two_comparisons_are_kept_apart() -> None:
    def arm(name: str, of: str) -> ModelRun:
        # A coin on a quarter of the dilemmas once it was trained, none before.
        coins = name == "after"
        run = run_of(lambda one, order: COIN if coins and one % 4 == 3 else one % 2, 40)
        made = model_run(run, f"{of}/{name}", sft_arm=name, sft_part="coin_flip")
        made.header.eval.eval_set_id = of
        return made

    runs = tuple(arm(name, of) for of in ("one", "two") for name in ("after", "before"))
    alone = arm("after", "three")
    place = PanelRuns(runs[0].panel, (*runs, alone), "a coin was offered", {})
    found = arms_of([place])
    assert [[run.name for run in one.runs] for _, one in found] == [
        ["one/before", "one/after"],
        ["two/before", "two/after"],
    ]
    trained = list(trained_figures(found))
    assert len({figure.id for figure in trained}) == 2
    rates = [row for row in trained[0].table.rows if row[1] == "indecision rate"]
    # Arm, quantity, before, after: 10 of 40.
    assert [row[:4] for row in rates] == [("after", "indecision rate", 0.0, 0.25)]


def test_what_a_model_coded_and_what_it_failed_on_reach_the_page(
    tmp_path: Path, kidney_evals: Cli
) -> None:
    require_scout()
    from inspect_ai.analysis import samples_df
    from inspect_scout import scan, transcripts_from

    from kidney_evals.errors import UserError
    from kidney_evals.reasons import rationale_llm, scanned
    from kidney_evals.tasks import forced_choice

    logs = tmp_path / "logs"
    task = forced_choice(dilemmas=3, controls=False, explain="after")
    eval(task, model="kidney/human", log_dir=str(logs), display="none")
    options: dict[str, Any] = {"display": "none", "max_processes": 1, "max_transcripts": 1}

    def coded(outputs: Iterator[ModelOutput], name: str) -> str:
        model, place = mocked(outputs), str(tmp_path / name)
        where = transcripts_from(str(logs))
        return str(scan([rationale_llm()], where, model=model, scans=place, **options).location)

    # Three dilemmas in both orders; of six transcripts the first is refused in three tries.
    outputs = iter([said("I cannot."), said("No."), said("<b>Never</b>.\nNo."), *(answered(),) * 5])
    place = coded(outputs, "some")
    frame = scanned(place)
    assert sorted(frame["status"]) == ["coded"] * 5 + ["failed"]
    (failed,) = frame.loc[frame["status"] == "failed", "error"]
    assert failed.endswith("its last words: <b>Never</b>. No.") and "\n" not in failed
    joined = frame.merge(samples_df(str(logs)), left_on="sample_uuid", right_on="sample_id")
    assert list(joined["sample_id_x"]) == list(joined["id"]) and len(joined) == 6

    text = reported(logs, Path(place))
    assert "5 transcripts coded by the scanner rationale_llm." in text
    assert "1 of 6 transcripts could not be coded by the scanner rationale_llm" in text
    assert "&lt;b&gt;Never&lt;/b&gt;. No." in text
    # Desert was argued in all five, and every other argument in none.
    assert '>desert</td><td class="n">1.000</td>' in text
    assert '>fairness</td><td class="n">0.000</td>' in text

    nothing = coded(repeat(said("I cannot.")), "none")
    with pytest.raises(UserError, match=r"none of 6 transcripts .* its last words: I cannot\.$"):
        scanned(nothing)
    result = kidney_evals("report", logs, "-o", tmp_path / "no.html", "--scans", nothing)
    assert result.exit_code == 2 and "none of 6 transcripts" in result.output
    assert not (tmp_path / "no.html").exists()
