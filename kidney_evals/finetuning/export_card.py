"""The card of a folder of training samples: for programs, for readers, for the terminal."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from kidney_evals import __version__
from kidney_evals.elicitation.wording import Wording
from kidney_evals.finetuning.data import PARTS, Part
from kidney_evals.finetuning.export_overlap import Evaluated
from kidney_evals.finetuning.export_samples import Shown, balance, nested_sizes
from kidney_evals.finetuning.sources import Source
from kidney_evals.human.reference import REFERENCE_FOLDER
from kidney_evals.limits import limits_and_use
from kidney_evals.studies import Study

ANSWERS = ("A", "B", "COIN")


def make_card(
    source: Source,
    shown: Mapping[Part, Sequence[Shown]],
    wordings: Sequence[Wording],
    evaluation: Evaluated,
    *,
    wording: str,
    seed: int,
    shuffled: bool,
) -> dict[str, Any]:
    """Return what `card.json` says.

    Args:
        source: Where the answers come from.
        shown: The samples of `train` and `heldout`.
        wordings: The wordings that took part.
        evaluation: What default runs ask.
        wording: The argument that named the wordings.
        seed: Of the export.
        shuffled: Whether answers changed places.
    """
    study = source.study
    overlap = sum(evaluation.holds(one.dilemma) for part in PARTS for one, *_ in shown[part])
    return {
        "package": __version__,
        "study": {
            "id": study.id,
            "source": study.source,
            "version": study.version,
            "hash": study.hash,
        },
        "conditions": list(source.conditions),
        "source": dict(source.about),
        "wordings": {one.id: one.digest for one in wordings},
        "wording": wording,
        "seed": seed,
        "samples": {part: len(shown[part]) for part in PARTS},
        "balance": {part: balance(shown[part]) for part in PARTS},
        "excluded": {
            "evaluation": [dict(one) for one in evaluation.said],
            "overlap": overlap,
            "left_out": dict(source.left_out),
        },
        "shuffled": shuffled,
        "nested": nested_sizes(len(shown["train"])),
        "canary": study.canary,
        "limits": limits_and_use(),
    }


def make_readme(card: Mapping[str, Any], source: Source, wordings: Sequence[Wording]) -> str:
    """Return the same for a reader, in Markdown."""
    says, study = _sentences(), source.study
    banner = f"{says['banner']}\n\n" if card["shuffled"] else ""
    frame = files("kidney_evals.finetuning").joinpath("export_card.md").read_text(encoding="utf-8")
    text = frame.format(
        title=study.title,
        canary=study.canary,
        banner=banner,
        samples=card["samples"]["train"],
        heldout=card["samples"]["heldout"],
        version=card["package"],
        seed=card["seed"],
        source=_source(card, source),
        wordings=_wordings(wordings),
        orders=says["orders"][_orders(card, study)],
        counts=_counts(card["balance"]),
        nested=says["nested"].format(sizes=", ".join(map(str, card["nested"]))),
        split=says["split"][
            {"reference": "reference", "rows": "people"}.get(card["source"]["kind"], "given")
        ],
        excluded=_excluded(card["excluded"]),
        left_out=_left_out(card["excluded"]["left_out"]),
        limits=card["limits"],
        licence=_licence(card, study),
        citation=study.citation or study.title,
    )
    # Paragraphs that say nothing leave no gap.
    return "\n".join(textwrap.dedent(text).replace("\n\n\n\n", "\n\n").splitlines()) + "\n"


def summary(card: Mapping[str, Any]) -> list[str]:
    """Return what the terminal says of a folder, a sentence each."""
    source, samples, excluded = card["source"], card["samples"], card["excluded"]
    what = {
        "reference": f"the human reference of {card['study']['id']}, target {source['target']}",
        "rows": "the published rows of McElfresh et al. (2021), Study 2",
        "answers": f"the answers in {source.get('file')}",
        "log": f"a log of {source.get('model')}",
    }[source["kind"]]
    if "person" in source:
        what += f" (simulated person {source['person']} of {source['of']})"
    lines = [
        f"{samples['train']} training and {samples['heldout']} held-out samples, from {what}.",
        "; ".join(
            f"{condition}: {of['samples']} to train on, answers "
            + ", ".join(f"{name} {of['answer'].get(name, 0)}" for name in _offered(condition))
            for condition, of in card["balance"]["train"].items()
        )
        + ".",
        f"Wordings: {', '.join(card['wordings'])}.",
    ]
    if card["shuffled"]:
        lines.append("CONTROL: the answers have changed places and teach nothing.")
    asked = ", ".join(f"{one['dilemmas']} of {one['study']}" for one in excluded["evaluation"])
    lines.append(
        f"OVERLAP: {excluded['overlap']} samples are about dilemmas of the default evaluation "
        f"({asked})."
        if excluded["overlap"]
        else f"No sample is about a dilemma of the default evaluation ({asked}), and no dilemma "
        "is in both files."
    )
    if excluded["left_out"]:
        lines.append(_left_out(excluded["left_out"]))
    return lines


def _source(card: Mapping[str, Any], source: Source) -> str:
    says, about = _sentences(), dict(card["source"])
    name = about["target"] or about["kind"]
    if name == "individual":
        name = f"individual_{about['model']}"
        about["people_of"] = about["people_of"] or "both conditions"
    if about["kind"] == "reference":
        about["reference"] = "; ".join(
            f"{condition}, {_people(one['people'])}, tables version {one['version']}"
            for condition, one in about["reference"].items()
            # A person of latent classes is one of the people of one condition.
            if about.get("model") != "latent_classes" or condition == about["people_of"]
        )
    if about["kind"] == "rows":
        about["files"] = " and ".join(about["files"])
    if about["kind"] == "log":
        about["asked_in"] = ", ".join(about["wordings"])
    text = says["source"][name].format(study=source.study.id, **about)
    if "person" in about and len(source.conditions) > 1:
        text += " " + says["same_person"][about["model"]]
    return str(text)


def _people(count: int) -> str:
    return f"{count} people" if count > 0 else "a number of people that was not published"


def _wordings(wordings: Sequence[Wording]) -> str:
    says = _sentences()["wordings"]
    names = ", ".join(f"`{one.id}` ({one.digest})" for one in wordings)
    text = says["one" if len(wordings) == 1 else "several"].format(names=names)
    lacks = dict.fromkeys(one.no_human_reference for one in wordings if one.no_human_reference)
    return str(text) + (" " + says["lacks"].format(lacks="; ".join(lacks)) if lacks else "")


def _orders(card: Mapping[str, Any], study: Study) -> str:
    if card["source"]["kind"] != "reference":
        return "given"
    return "drawn" if study.draw else "listed"


def _counts(counted: Mapping[str, Any]) -> str:
    lines = [
        "| file | condition | samples | ab | ba | A | B | COIN |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for part, conditions in counted.items():
        for condition, of in conditions.items():
            cells = [part, condition, of["samples"]]
            cells += [of["order"].get(order, 0) for order in ("ab", "ba")]
            cells += [
                of["answer"].get(name, 0) if name in _offered(condition) else "not offered"
                for name in ANSWERS
            ]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _offered(condition: str) -> tuple[str, ...]:
    return ANSWERS if condition == "coin_flip" else ANSWERS[:2]


def _excluded(excluded: Mapping[str, Any]) -> str:
    says = _sentences()["excluded"]
    asked = []
    for one in excluded["evaluation"]:
        names = ", ".join(one["compared_by"])
        whole = one["draw_seed"] is not None
        asked.append(
            says["evaluation"].format(
                dilemmas=one["dilemmas"],
                study=one["study"],
                draw=says["draw"].format(**one) if whole else "",
                partly="" if one["whole"] else says["partly"].format(compared_by=names),
            )
        )
    which = "some_overlap" if excluded["overlap"] else "none_overlap"
    return str(says[which].format(overlap=excluded["overlap"], evaluation="; ".join(asked)))


def _left_out(left_out: Mapping[str, int]) -> str:
    says = _sentences()["left_out"]
    parts = [says[reason].format(count=count) for reason, count in left_out.items()]
    return f"{says['head']}: {'; '.join(parts)}." if parts else ""


def _licence(card: Mapping[str, Any], study: Study) -> str:
    says = _sentences()["licence"]
    parts = []
    if card["source"]["kind"] in ("reference", "rows"):
        path = study.path / REFERENCE_FOLDER / "reference.json"
        about = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        stated = "source_licence" in about and "repository" in about
        parts.append(
            says["stated"].format(repository=about["repository"], licence=about["source_licence"])
            if stated
            else says["not_stated"]
        )
    if card["source"]["kind"] == "rows":
        parts.append(says["rows"])
    return " ".join([*parts, says["words"]])


@lru_cache(maxsize=1)
def _sentences() -> Mapping[str, Any]:
    text = files("kidney_evals.finetuning").joinpath("export_card.yaml").read_text("utf-8")
    loaded: Mapping[str, Any] = yaml.safe_load(text)
    return loaded
