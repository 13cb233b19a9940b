"""README and documentation: length and links."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README, DOCS = ROOT / "README.md", ROOT / "docs"
PAGES = sorted([README, ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])

MADE = {"cli.md", "api/estimation.md", "estimation.md"}
"""Pages that are made when the site is built, which then checks the links to them."""


def prose(page: Path) -> str:
    """Return the text of a page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8")) <= 12_000


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
    linked = set(re.findall(r"\]\(docs/([\w/]+\.md)", README.read_text("utf-8")))
    linked |= set(re.findall(r"\]\(([\w/]+\.md)", (DOCS / "index.md").read_text("utf-8")))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert pages - linked - {"index.md", "cli.md"} == set()


def test_every_path_in_the_table_of_what_to_edit_exists() -> None:
    text = (DOCS / "architecture.md").read_text("utf-8")
    (table,) = re.findall(r"^\| to add .*\n((?:\|.*\n)+)", text, flags=re.M)
    paths = re.findall(r"`((?:\w+/)+[\w.]*)`", table)
    assert len(paths) >= 8
    assert [path for path in paths if not (ROOT / path).exists()] == []
