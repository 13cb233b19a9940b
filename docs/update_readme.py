"""Write the parts of README.md and of pages in docs/ that are made from data.

python docs/update_readme.py            # the limits, and the results of models in docs/results/
python docs/update_readme.py --known    # and what known respondents score (minutes)
"""

import re
import sys
from pathlib import Path

from kidney_evals.lab.known_table import markdown, run_known
from kidney_evals.lab.results import read_record
from kidney_evals.lab.results_table import readme_table, results_page
from kidney_evals.limits import limits_and_use

DOCS = Path(__file__).resolve().parent
README, RESPONDENTS = DOCS.parent / "README.md", DOCS / "respondents.md"


def pattern(block: str) -> re.Pattern[str]:
    """Return a pattern that matches a block of a page: opening mark, content, closing mark."""
    return re.compile(rf"(<!-- {block}:[^\n]*-->\n)(.*?)\n(<!-- /{block} -->)", re.S)


def replace(page: Path, block: str, content: str) -> None:
    """Write new content between a block's marks; exit with an error if the page lacks the block."""
    text = page.read_text(encoding="utf-8")
    made, count = pattern(block).subn(lambda match: f"{match[1]}{content}\n{match[3]}", text)
    if not count:
        raise SystemExit(f"{page.name} has no block {block!r}")
    page.write_text(made, encoding="utf-8")


def contents() -> dict[tuple[Path, str], str]:
    """Return the content of each block that is made without running anything, by page and name."""
    records = [read_record(path) for path in sorted((DOCS / "results").glob("*.json"))]
    found = pattern("known").search(RESPONDENTS.read_text(encoding="utf-8"))
    assert found, "docs/respondents.md has no block 'known'"
    return {
        (README, "limits"): "\n".join(f"> {line}" for line in limits_and_use().splitlines()),
        (README, "results"): readme_table(records, found[2]),
        (DOCS / "results.md", "results"): results_page(records, found[2]),
    }


if __name__ == "__main__":
    if "--known" in sys.argv:
        replace(RESPONDENTS, "known", markdown(run_known(200)))
    for (page, block), content in contents().items():
        replace(page, block, content)
