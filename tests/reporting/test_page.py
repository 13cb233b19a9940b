"""The page: its numbers are the log's, nothing leaves it, and what a log says stays text."""

import csv
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import Result
from inspect_ai.log import EvalLog, read_eval_log

from kidney_evals.measures import find
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.page import read_report
from kidney_evals.reporting.page.content import nowhere
from kidney_evals.reporting.page.panels import Place, how_to_read, without_nan
from kidney_evals.reporting.page.parts import Table, slug
from kidney_evals.reporting.page.trained import arms_of, trained_section
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.reporting.sentences import moves_sentence
from kidney_evals.reporting.text import number
from reporting.making_logs import edited, of_another_run
from reporting.pairs import COIN, FIRST, model_run, run_of

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
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "code"):
            self.cells[-1:] = [self.cells[-1] + data] if self.cells else []

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


@pytest.fixture(scope="session")
def page(made: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    from kidney_evals.reporting.page import write_page

    out = tmp_path_factory.mktemp("page") / "report.html"
    write_page(read_report([str(made.coin), str(made.forced), str(made.other)]), out)
    return out.read_text(encoding="utf-8")


def test_every_number_of_a_log_stands_in_the_page(made: Any, page: str) -> None:
    cells = Page(page).cells
    for path in (made.coin, made.forced):
        rows = rows_of(read_eval_log(str(path)))
        for name, row in rows.items():
            # model, row, quantity, value, low, high, people, n
            shown = [name, None, *(number(value) for value in row[:4]), f"{row.n:,}"]
            places = [i for i, cell in enumerate(cells) if cell == name and i >= 1]
            assert any(
                all(want is None or cells[i + k] == want for k, want in enumerate(shown))
                for i in places
            ), (name, row)


def test_nothing_is_fetched_and_no_script_is_needed(page: str) -> None:
    parsed = Page(page)
    assert not [tag for tag, _ in parsed.tags if tag in ("script", "iframe", "object", "img")]
    addresses = [
        attributes[name]
        for _, attributes in parsed.tags
        for name in ("href", "src", "xlink:href")
        if name in attributes
    ]
    assert addresses
    assert all(address.startswith(("#", "data:")) for address in addresses)
    assert "url(" not in page and "@import" not in page


def test_links_resolve_and_ids_are_unique(page: str) -> None:
    parsed = Page(page)
    ids = parsed.ids()
    assert len(ids) == len(set(ids))
    leads = [a["href"][1:] for tag, a in parsed.tags if tag == "a" and a["href"].startswith("#")]
    assert leads
    assert set(leads) <= set(ids)


def test_simulated_people_are_called_so_with_their_source(page: str) -> None:
    # Both logs are of the drawn study, whose tables hold a fit to 132 people for each condition.
    for model in ("Davidson model", "logit"):
        assert (
            "32 simulated people, not measured individuals, drawn from a random-coefficient "
            f"{model} fitted to the answers of 132 people" in page
        )
    assert "synthetic crowd" not in page


def test_names_from_a_log_are_text(made: Any, tmp_path: Path) -> None:
    def rename(log: EvalLog) -> None:
        of_another_run(log)
        log.eval.model = HOSTILE
        assert log.eval.metadata is not None
        log.eval.metadata["study_title"] = "<b>bold</b>"
        log.eval.task = "task</h3><script>alert(2)</script>"

    path = edited(made.coin, tmp_path / "hostile.eval", rename)
    from kidney_evals.reporting.page import write_page

    write_page(read_report([str(path), str(made.coin)]), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    parsed = Page(text)
    assert not [tag for tag, _ in parsed.tags if tag in ("script", "b")]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\x1b" not in text


def test_one_run_after_another(
    made: Any, tmp_path: Path, kidney_evals: Callable[..., Result]
) -> None:
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


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("report", "nowhere.eval"), "no log at 'nowhere.eval'"),
        (("report", "{other}"), "none of 1 logs holds answers to a kidney_evals task"),
        (("report", "{coin}", "--png"), "--png writes into a folder: name it with --assets"),
    ],
)
def test_bad_input_is_one_line(
    made: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kidney_evals: Callable[..., Result],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [one.format(coin=made.coin, other=made.other) for one in arguments]
    result = kidney_evals(*given)
    assert result.exit_code == 2
    assert says in result.output
    assert not list(tmp_path.iterdir())


def test_a_table_shows_what_the_file_holds() -> None:
    table = Table(("who", "share", "n"), (("a", 0.12345678, 1200), ("b", float("nan"), 0)))
    assert table.shown() == [
        [("a", False), ("0.123", True), ("1,200", True)],
        [("b", False), ("–", True), ("0", True)],
    ]
    assert table.csv() == "who,share,n\na,0.123457,1200\nb,,0\n"
    # A head stands over its numbers; without rows there is nothing to stand over.
    assert table.columns() == [("who", False), ("share", True), ("n", True)]
    # However small, a p-value is not 0, on the page or in the file.
    table = Table(("who", "adjusted p"), (("a", 0.00000012345), ("b", 0.0456)))
    assert [cell for row in table.shown() for cell, _ in row] == ["a", "< 0.001", "b", "0.046"]
    assert table.csv() == "who,adjusted p\na,1.23e-07\nb,0.0456\n"
    assert Table(("n",), ()).columns() == [("n", False)]


@pytest.mark.parametrize(
    ("words", "id"),
    [(("Flip Curve", "a_b"), "flip-curve-a-b"), (("…", "x"), "x"), (("A  (b)", ""), "a-b")],
)
def test_ids_are_plain(words: tuple[str, ...], id: str) -> None:
    assert slug(*words) == id
    assert re.fullmatch(r"[a-z0-9-]+", id)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("NaN where nothing was decided.", "No value where nothing was decided."),
        ("Lower is nearer; NaN without a signal. NaN at 0.",
         "Lower is nearer; no value without a signal. No value at 0."),
        ("NaNny", "NaNny"),
    ],
)  # fmt: skip
def test_a_page_has_no_nan(text: str, shown: str) -> None:
    assert without_nan(text) == shown


def test_other_rows_are_called_what_the_page_calls_them() -> None:
    card = replace(
        find("distance"), reading="See side_pull, not_a_row.", gamed_by="Guessing; see flip_calib."
    )
    assert how_to_read(card) == (
        "See choice distance, side pull, not_a_row. Gamed by: guessing; see flip calibration."
    )


def test_one_model_in_either_order_alike_is_said_once() -> None:
    never = model_run(run_of(lambda dilemma, order: FIRST, 20))
    assert moves_sentence(never) == "The same indecision rate in both orders of the patients."


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
    place = Place(runs[0].panel, (*runs, alone), "a coin was offered", nowhere)
    found = arms_of([place])
    assert [(one.first.name, [other.name for other in one.others]) for one in found] == [
        ("one/before", ["one/after"]),
        ("two/before", ["two/after"]),
    ]
    figures = trained_section(found, "Nothing was trained.").figures
    assert len({figure.id for figure in figures}) == 2
    assert trained_section(found, "Nothing was trained.").says.startswith("Nothing was trained. ")
    rates = [row for row in figures[0].table.rows if row[1] == "indecision rate"]
    # Arm, quantity, before, after: 10 of 40.
    assert [row[:4] for row in rates] == [("after", "indecision rate", 0.0, 0.25)]
