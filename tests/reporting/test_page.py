"""The page: its numbers are the log's, nothing leaves it, and what a log says stays text."""

import csv
import html
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import repeat
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from inspect_ai.log import read_eval_log
from inspect_ai.model import ModelOutput

from cli.calling import kidney_evals
from kidney_evals import __version__
from kidney_evals.card import LIKE, PERSON, UNKNOWN, UNLIKE
from kidney_evals.card.numbers import number
from kidney_evals.card.text import (
    difference_line,
    floor_line,
    gamed_line,
    nearest_line,
    verdict_words,
)
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.page import as_html, read_report
from kidney_evals.reporting.page.cards import who
from kidney_evals.reporting.page.parts import PanelRuns, Table, shown
from kidney_evals.reporting.page.sections import arms_of, trained_figures
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.tasks import coin_flip, forced_choice, stated_values
from reasons.scouting import answered, mocked, require_scout, said
from reporting.making_logs import Made, another, edited, fact, spec
from reporting.pairs import COIN, model_run, run_of
from tasks import running

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
    assert len(ids) == len(set(ids)) and all(re.fullmatch("[a-z0-9-]+", id) for id in ids)
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


def test_a_page_with_its_figures_as_files(made: Made, tmp_path: Path) -> None:
    page, assets = tmp_path / "page.html", tmp_path / "assets"
    result = kidney_evals("report", made.coin, made.forced, "-o", page, "--assets", assets)
    assert result.exit_code == 0, result.output
    assert f"{page}: 1 model, 2 runs" in result.output
    drawn = sorted(assets.glob("*.svg"))
    assert drawn
    for path in drawn:
        ElementTree.parse(path)
        assert path.with_suffix(".csv").is_file()
    with (assets / "verdicts.csv").open(encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    rows = rows_of(read_eval_log(str(made.coin)))
    (found,) = (line for line in lines if line["measure"] == "indecision rate")
    assert float(found["value"]) == pytest.approx(rows["flip_rate"].value, abs=1e-6)
    assert "nan" not in (assets / "verdicts.svg").read_text(encoding="utf-8")


def test_bad_input_is_one_line(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def reported(logs: Path, *scans: Path) -> str:
    """Return the page of a folder of logs."""
    text = as_html(read_report([str(logs)], scans=scans))
    Page(text)
    return text


def section(text: str, id: str) -> str:
    """Return the text of a section of a page."""
    return text.split(f'<section id="{id}">')[1].split("</section>")[0]


Pages = dict[str, tuple[tuple[ModelRun, ...], str]]
"""Runs and their page as text, by name."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """Pages of runs of choices, of a condition without people, of refusals, of stated values."""
    pages = {}
    for name, asked in {
        "two": [("human", coin_flip(dilemmas=40)), ("never_flips", forced_choice(dilemmas=40))],
        "nobody": [(one, coin_flip(study="freedman_2020")) for one in ("uniform", "lexicographic")],
        "refuser": [("refuser", coin_flip(dilemmas=3))],
        "stated": [("human", stated_values())],
    }.items():
        logs = tmp_path_factory.mktemp(name)
        for model, task in asked:
            running.run(task, logs, f"kidney/{model}", epochs=1)
        if name == "two":
            path = next(one for one in logs.glob("*forced*"))
            edited(path, path, spec("model", "vendor/a model"))
        report = read_report([str(logs)])
        pages[name] = report.runs, as_html(report)
    return pages


def words_of(markup: str) -> str:
    """Return the text of a part of a page, without folded white space."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def test_the_figure_has_the_verdicts_and_the_sentence_of_every_card(pages: Pages) -> None:
    runs, text = pages["two"]
    summary, details = section(text, "summary"), words_of(section(text, "runs"))
    for run in runs:
        card = run.card
        assert card is not None
        row = next(one for one in summary.split('<tr class="run">')[1:] if run.name in one)
        shown = {
            words_of(cell.split("</span>")[0]): words_of(cell)
            for cell in row.split('<span class="ask">')[1:]
        }
        assert list(shown) == [one.question for one in card.findings]
        for one in card.findings:
            sign = {LIKE: "=", PERSON: "≈", UNLIKE: "≠", UNKNOWN: "?"}[one.verdict]
            assert f" {sign} {one.verdict} " in shown[one.question]
            # The details have the same verdicts, with numbers of calls.
            assert f"{one.question} {sign} {verdict_words(one)} {one.why}" in details
        assert card.summary in words_of(row)
        for line in (gamed_line(card), nearest_line(card), floor_line(card), *card.cautions):
            assert line in details
        assert all(difference_line(one) in details for one in card.differences)
    # A coin was offered to the first alone.
    assert summary.count("not asked") == 2


def test_a_simulated_respondent_is_no_model(pages: Pages) -> None:
    _, text = pages["two"]
    assert "<h1>Kidney dilemmas: 1 model and 1 simulated respondent beside people</h1>" in text
    rows = section(text, "summary").split('<tr class="run">')[1:]
    assert ["simulated respondent" in row for row in rows] == [
        "kidney/human" in row for row in rows
    ]
    assert who(["a/b", "a/c", "kidney/x", "kidney/y"]) == "2 models and 2 simulated respondents"


@pytest.mark.parametrize("name", ["two", "nobody", "refuser", "stated"])
def test_every_section_says_something_and_is_in_the_contents(pages: Pages, name: str) -> None:
    _, text = pages[name]
    Page(text)
    found = re.findall(r'<section id="([^"]+)">(.*?)</section>', text, re.DOTALL)
    contents = re.findall(r'href="#([^"]+)"', text.split("<nav")[1].split("</nav>")[0])
    assert contents == [id for id, _ in found if id != "summary"]
    for id, content in found:
        inner = re.sub(r"<h[1-6]>.*?</h[1-6]>", "", content)
        assert len(words_of(inner)) > 60, id
    for figure in re.findall(r"<figure.*?</figure>", text, re.DOTALL):
        assert "<td" in figure
    assert not re.search(r"\bnan\b", words_of(text.split("</style>")[1]), re.IGNORECASE)


@pytest.mark.parametrize(
    ("name", "crowd", "pairs", "unanswered"),
    [
        ("two", True, False, False),
        ("nobody", False, True, False),
        ("refuser", False, False, True),
        ("stated", False, False, False),
    ],
)
def test_the_paragraph_is_true_for_the_runs_at_hand(
    pages: Pages, name: str, crowd: bool, pairs: bool, unanswered: bool
) -> None:
    runs, text = pages[name]
    words = words_of(text.split("A paragraph for a paper")[1].split("</details>")[0])
    assert ("A run counts as like the crowd" in words) == crowd
    assert ("Differences between runs are taken in pairs" in words) == pairs
    assert ("Samples without a decision" in words) == unanswered
    assert ("in both orders of the patients" in words) == (name != "stated")
    for run in runs:
        assert run.card is None or run.card.summary in words


def test_runs_with_other_settings_or_versions_are_named_apart(made: Made, tmp_path: Path) -> None:
    shutil.copy(made.forced, tmp_path / "a.eval")
    facts = fact("explain", "after"), fact("kidney_evals_version", "0.0.1")
    edited(made.forced, tmp_path / "b.eval", another(*facts))
    text = reported(tmp_path)
    summary = words_of(section(text, "summary"))
    assert "The runs differ in whether reasons are asked for (after; none)." in summary
    for version, reasons in (("0.0.1", ", reasons after"), (__version__, "")):
        assert f"kidney/human{reasons}, package {version}" in summary
        assert f">{version}</td>" in section(text, "methods")
    assert f"with kidney-evals 0.0.1 and {__version__} on Inspect AI" in section(text, "methods")
    # The two stand side by side, and are one model.
    assert "<h1>Kidney dilemmas: 1 simulated respondent beside people</h1>" in text
    assert "cannot be told apart" in section(text, "differences")


def arms(made: Made, logs: Path, *names: str) -> None:
    """Write logs of arms of `kidney-evals sft evaluate`, and of another run."""
    shutil.copy(made.coin, logs / "other.eval")
    for count, name in enumerate(names, 2):
        model = spec("model", "kidney/trained" if name == "after" else "kidney/plain")
        facts = (fact("sft_arm", name), fact("sft_part", "coin_flip"))
        edited(made.coin, logs / f"{name}.eval", another(model, *facts, number=count))


def test_arms_of_fine_tuning_stand_in_their_section_and_in_tables_only(
    made: Made, tmp_path: Path
) -> None:
    arms(made, tmp_path, "before", "after")
    text = reported(tmp_path)
    for id in ("summary", "runs"):
        assert "kidney/human" in section(text, id)
        assert "trained" not in section(text, id).replace("#trained", "")
        assert "kidney/plain" not in section(text, id)
    assert 'id="differences"' not in text
    assert "2 runs before and after fine-tuning stand under" in section(text, "summary")
    trained = section(text, "trained")
    assert "From kidney/plain, before training, to: “after” (kidney/trained)." in trained
    # The same answers under two names: nothing changed, and people's value is there.
    (row,) = (one for one in trained.split("</tr>") if "indecision rate" in one)
    _, _, before, after, change, _, _, people, _ = map(
        words_of, row.split("<tr>")[-1].split("</td>")[:-1]
    )
    assert before == after and change == "0.000" and 0 < float(people) < 1
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
    assert ('id="trained"' in text) == alone


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


def test_what_a_model_coded_and_what_it_failed_on_reach_the_page(tmp_path: Path) -> None:
    require_scout()
    from inspect_ai.analysis import samples_df
    from inspect_scout import scan, transcripts_from

    from kidney_evals.errors import UserError
    from kidney_evals.reasons import rationale_llm, scanned

    logs = tmp_path / "logs"
    task = forced_choice(dilemmas=3, controls=False, explain="after")
    running.run(task, logs)
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
