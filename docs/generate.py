"""MkDocs hooks: write the reference pages of the site from the package, at build time.

A line `<!-- generated: NAME -->` of a page is replaced by the text of `PARTS[NAME]`. The documents
in `CARDS`, which lie outside of `docs/`, and the Python API become pages of the site too.
"""

import inspect
import pkgutil
import posixpath
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from textwrap import indent
from typing import Any

import click
from griffe import Docstring
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import kidney_evals
from kidney_evals import tasks
from kidney_evals.cli import main
from kidney_evals.lab import probe_table, readout_table, stopping_table
from kidney_evals.limits import limits_and_use
from kidney_evals.measures import FLAGS, GROUPS, MEASURES, TRAITS, Measure
from kidney_evals.reporting import frames
from kidney_evals.reporting.table_formats import markdown_table
from kidney_evals.respondents import describe

ROOT = Path(__file__).resolve().parents[1]

CARDS = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "datasets/README.md": "cards/studies.md",
    "datasets/mcelfresh_2021/reference/README.md": "cards/reference-tables.md",
    "kidney_evals/elicitation/predict.md": "cards/predictions.md",
    "kidney_evals/elicitation/probes.md": "cards/probes.md",
    "kidney_evals/elicitation/readout.md": "cards/readout.md",
    "kidney_evals/elicitation/stated.md": "cards/stated-values.md",
    "kidney_evals/elicitation/wordings.md": "cards/wordings.md",
    "kidney_evals/finetuning/prompting.md": "cards/prompting.md",
    "kidney_evals/planning/precision.md": "cards/planned-precision.md",
    "kidney_evals/planning/probe.md": "cards/probe-power.md",
    "kidney_evals/planning/readout.md": "cards/calls-of-a-readout.md",
    "kidney_evals/planning/sensitivity.md": "cards/change-found.md",
    "kidney_evals/planning/stopping.md": "cards/early-stopping.md",
    "kidney_evals/reasons/codebook.md": "cards/codebook.md",
    "kidney_evals/reasons/measured.md": "cards/coding-accuracy.md",
}
"""Documents that lie beside the data they describe, with the path of each on the site."""

NOT_API = {"cli", "tasks", "scorers", "datasets"}
"""Sub-packages without a page of the Python API."""

API_MODULES = {"estimation"}
"""Sub-packages whose modules are documented one by one, unless the sub-package has `__all__`."""


def measures() -> str:
    """Return the list of measures and flags, a section for each group."""
    lines: list[str] = []
    for group in GROUPS:
        lines += [f"## {group.capitalize()}", ""]
        for one in MEASURES.values():
            if one.group == group:
                lines += _measure(one)
    flags = [(f"`{one.id}`", one.says, one.reading) for one in FLAGS.values()]
    table = markdown_table(("flag", "raised where", "what to do"), flags, "lll")
    return "\n".join([*lines, "## Flags", "", table, ""])


def _measure(one: Measure) -> Iterator[str]:
    id = one.id.replace("*", "<level>" if one.by_level else "<attribute>")
    anchor = one.id.rstrip("_*")
    needs = " and ".join(TRAITS[name] for name in one.needs)
    yield f'### {one.label} · `{id}` {{ #{anchor} data-toc-label="{one.label}" }}'
    yield f"\n{one.says}\n"
    for heading, text in (
        ("**Formula.** ", one.formula),
        ("", one.notes),
        ("**How to read it.** ", one.reading),
        ("**What games it.** ", one.gamed_by),
        ("**Set beside it.** ", one.baselines and f"{', '.join(one.baselines)}."),
        ("**Only where** ", needs and f"{needs}."),
    ):
        if text:
            yield f"{heading}{text}\n"
    seen = "in the log" if one.stored else "with `kidney-evals show --all`, in tables and frames"
    source = f"{one.source.replace('.', '/')}.py"
    yield f"Unit: {one.unit or 'none'}. Seen {seen}. Defined in `{source}`.\n{{ .source }}\n"


def commands() -> str:
    """Return the documentation of every command of `kidney-evals`."""
    return "\n".join(_command(main, "kidney-evals", None))


def _command(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name.split()[-1], parent=parent)
    if parent is not None:
        yield f"{'##' if name.count(' ') == 1 else '###'} {name} {{ #{name.replace(' ', '-')} }}\n"
        if not isinstance(command, click.Group):
            yield f"```text\n{name} {' '.join(command.collect_usage_pieces(context))}\n```\n"
        yield _paragraphs(command.help or "")
        records = [
            one.get_help_record(context) for one in command.params if isinstance(one, click.Option)
        ]
        if rows := [(f"`{_cell(one[0])}`", _cell(one[1])) for one in records if one]:
            yield f"\n{markdown_table(('option', 'meaning'), rows, 'll')}\n"
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            yield from _command(command.commands[child], f"{name} {child}", context)


def _paragraphs(text: str) -> str:
    """Return a help text as Markdown; paragraphs that click prints verbatim become code blocks."""
    parts = [
        f"```text\n{one[1:].strip(chr(10))}\n```" if one.startswith("\b") else one
        for one in inspect.cleandoc(text).split("\n\n")
    ]
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def task_sections() -> str:
    """Return a section for each task: what it asks, and a table of its arguments."""
    lines: list[str] = []
    for name in ("coin_flip", "forced_choice", "stated_values", "predict_people"):
        task = getattr(tasks, name)
        parts = Docstring(inspect.getdoc(task) or "").parse("google", warnings=False)
        parameters = (part.value for part in parts if part.kind.value == "parameters")
        meaning = {one.name: one.description for listed in parameters for one in listed}
        lines += [f"### {name}", "", str(parts[0].value), ""]
        if meaning:
            rows = [
                (f"`{one.name}`", _default(one.default), _cell(meaning[one.name]))
                for one in inspect.signature(task).parameters.values()
                if one.kind is not one.VAR_KEYWORD
            ]
            lines += [markdown_table(("argument", "default", "meaning"), rows, "lll"), ""]
    return "\n".join(lines)


def _default(value: object) -> str:
    if value is None:
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def limits() -> str:
    """Return the box of limits."""
    return f'!!! warning "Limits and use"\n\n{indent(limits_and_use(), "    ")}'


def api() -> str:
    """Return a table of the packages with a page of the Python API."""
    rows = []
    for name in api_pages():
        summary = (inspect.getdoc(import_module(name)) or "").split("\n\n")[0].replace("\n", " ")
        rows.append((f"[`{name}`]({name.rsplit('.', 1)[-1]}.md)", summary))
    return markdown_table(("package", "what it is"), rows, "ll")


def rooms() -> str:
    """Return the picture of the packages, as SVG in the page so that it follows the colours."""
    return f"<div class=wide>{(ROOT / 'docs' / 'rooms.svg').read_text(encoding='utf-8')}</div>"


PARTS: dict[str, Callable[[], str]] = {
    "measures": measures,
    "commands": commands,
    "tasks": task_sections,
    "limits": limits,
    "api": api,
    "rooms": rooms,
    "respondents": describe,
    "readout": readout_table.markdown,
    "precision": stopping_table.markdown,
    "probe": probe_table.markdown,
    "frames": frames.as_markdown,
}
"""Functions that write a part of a page, by the name that the page uses."""


@lru_cache(maxsize=1)
def api_pages() -> dict[str, str]:
    """Return the path of each package's API page on the site, by package name."""
    found = {one.name for one in pkgutil.iter_modules(kidney_evals.__path__) if one.ispkg}
    return {
        f"kidney_evals.{name}": f"api/{name}.md"
        for name in sorted(found - NOT_API)
        if name in API_MODULES or hasattr(import_module(f"kidney_evals.{name}"), "__all__")
    }


def _api_page(name: str) -> str:
    package = import_module(name)
    if hasattr(package, "__all__"):
        return f"# {name}\n\n::: {name}\n"
    names = [one.name for one in pkgutil.iter_modules(package.__path__) if not one.ispkg]
    section = "## {0}\n\n::: {0}\n    options: {{heading_level: 3}}\n\n"
    sections = [section.format(f"{name}.{one}") for one in names if not one.startswith("_")]
    return f"# {name}\n\n{inspect.getdoc(package)}\n\n{''.join(sections)}"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages of the API and the cards in the navigation."""
    cards = [
        {posixpath.basename(path).removesuffix(".md").replace("-", " ").capitalize(): path}
        for path in CARDS.values()
        if path.startswith("cards/")
    ]
    for part in config.nav or []:
        if "Reference" in part:
            (place,) = [i for i, one in enumerate(part["Reference"]) if "Python API" in one]
            part["Reference"][place] = {"Python API": ["api/index.md", *api_pages().values()]}
            part["Reference"].append({"Data and prompts": cards})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the cards and the pages of the API."""
    texts = {path: (ROOT / source).read_text(encoding="utf-8") for source, path in CARDS.items()}
    texts |= {path: _api_page(name) for name, path in api_pages().items()}
    for path, text in texts.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Fill in the generated parts, and point links to files of the repository at their pages."""
    source = next((one for one, path in CARDS.items() if path == page.file.src_uri), None)
    folder = (ROOT / (source or f"docs/{page.file.src_uri}")).parent
    here = posixpath.dirname(page.file.src_uri) or "."

    def link(match: re.Match[str]) -> str:
        target = (folder / match[1]).resolve()
        name = target.relative_to(ROOT).as_posix() if target.is_relative_to(ROOT) else ""
        path = CARDS.get(name) or (name.removeprefix("docs/") if name.startswith("docs/") else None)
        if path is None:
            return match[0]
        return f"]({posixpath.relpath(path, here)}{match[2] or ''})"

    mark = r"^<!-- generated: (\w+) -->$"
    markdown = re.sub(mark, lambda match: PARTS[match[1]](), markdown, flags=re.M)
    return re.sub(r"\]\(([^)#:\s]+\.(?:md|png|svg))(#[^)\s]*)?\)", link, markdown)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Return a page unchanged.

    Raises:
        PluginError: The page reads a script, style, font or picture from the network.
    """
    for tag in re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", output):
        remote = re.search(r"(?:src|href)=[\"']?(?:https?:)?//", tag)
        if remote and 'rel="canonical"' not in tag:
            raise PluginError(f"{page.file.src_uri} loads from the network: {tag}")
    return output
