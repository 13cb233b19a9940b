"""README and documentation: length, links, and the text that other files hold too."""

import re
from pathlib import Path

import pytest

from kidney_evals.limits import limits_and_use

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = sorted([README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
LONGEST = 12_000


def prose(page: Path) -> str:
    """Return the text of a page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8")) <= LONGEST


def test_the_readme_states_the_limits_of_the_package() -> None:
    box = re.search(
        r"<!-- limits:[^\n]*-->\n(.*?)\n<!-- /limits -->", README.read_text("utf-8"), re.S
    )
    assert box, "README.md has no limits: run `python docs/update_readme.py`"
    assert box[1] == "\n".join(f"> {line}" for line in limits_and_use().splitlines())


MADE = {"cli.md", "api/estimation.md", "estimation.md"}
"""Pages that are made when the site is built, which then checks the links to them."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", prose(page)):
        target = (page.parent / path) if path else page
        if path not in MADE:
            assert target.exists(), path
            assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


def anchors(page: Path) -> list[str]:
    """Return the anchors of a page's headings, as the site and code hosts make them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.M)
    return [re.sub(r"[^\w\s-]", "", one.lower()).strip().replace(" ", "-") for one in headings]


def test_the_readme_links_to_every_page_in_one_or_two_steps() -> None:
    linked = re.findall(r"\]\(docs/([\w/]+\.md)", README.read_text("utf-8"))
    linked += re.findall(r"\]\(([\w/]+\.md)", (ROOT / "docs" / "index.md").read_text("utf-8"))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert pages - set(linked) - {"index.md", "cli.md"} == set()


def test_every_path_in_the_table_of_what_to_edit_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    (table,) = re.findall(r"^\| to add .*\n((?:\|.*\n)+)", text, flags=re.M)
    paths = re.findall(r"`((?:\w+/)+[\w.]*)`", table)
    assert len(paths) >= 8
    assert [path for path in paths if not (ROOT / path).exists()] == []
