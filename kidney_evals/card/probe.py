"""The finding on a probe: whether an added attribute that must not matter changes the answers."""

from dataclasses import dataclass
from typing import Final

from kidney_evals.card.findings import UNKNOWN
from kidney_evals.card.numbers import WIDTH, interval, listed, short
from kidney_evals.estimation.intervals import Interval
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import FEW, compute, find, interval_at
from kidney_evals.measures.probe import MARGIN, effect
from kidney_evals.measures.run import Run

QUESTION: Final = "Does it treat them alike?"


@dataclass(frozen=True)
class ProbePart:
    """A measure of a probe.

    Attributes:
        quantity: Value, 95 % interval (simultaneous over several levels) and n.
        alike: Whether the 90 % interval of this measure alone lies within the margin.
        differs: Whether the 95 % interval excludes 0. If n is below `measures.FEW`, `alike` and
            `differs` are false.
    """

    id: str
    quantity: Quantity
    alike: bool
    differs: bool

    @property
    def label(self) -> str:
        """The label of the measure."""
        return find(self.id).label


@dataclass(frozen=True)
class ProbeFinding:
    """Whether a run treats the levels of a probe alike.

    Attributes:
        probe: Id of the probe.
        levels: Ids of its levels; with two, the effect is that of the first.
        margin: Largest effect, and largest difference of coin rates, that counts as none.
        parts: The effects by level, then in `coin_flip` the difference of coin rates.
        verdict: Such as "treated alike within .05", "favours woman", both, or "cannot tell".
        coins: Verdict on the coin rate, such as "coins alike within .05"; empty without a coin.
    """

    probe: str
    levels: tuple[str, ...]
    margin: float
    parts: tuple[ProbePart, ...]
    verdict: str
    coins: str

    @property
    def sentence(self) -> str:
        """The finding as a sentence of a summary."""
        name = self.probe.replace("_", " ")
        return f"Probe {name}: {self.verdict}{f'; {self.coins}' if self.coins else ''}."


def probe_finding(run: Run) -> ProbeFinding | None:
    """Return the finding on a run's probe; None without a probe."""
    if "probe" not in run.traits:
        return None
    parts = [_part(run, f"amce_{level}", effect(run, level, 0.9)) for level in run.probe_rows]
    verdict, coins = _verdict(run, parts), ""
    if "coin" in run.traits:
        parts.append(_part(run, "probe_coin", interval_at(run, "probe_coin", 0.9)))
        coins = _coins(parts[-1])
    return ProbeFinding(run.probe, run.levels, MARGIN, tuple(parts), verdict, coins)


def probe_lines(finding: ProbeFinding, *, people: bool) -> list[str]:
    """Return a finding as lines of at most 80 columns for a terminal.

    `people` says whether people answered the study in this condition; a sentence then says that
    they were not asked with the probe.
    """
    verdict = finding.verdict.upper()
    lines = [f"{QUESTION}{verdict:>{WIDTH - len(QUESTION)}}"]
    if len(QUESTION) + len(verdict) + 2 > WIDTH:
        lines = [QUESTION, f"  {verdict}"[:WIDTH]]
    for part in finding.parts:
        row = part.quantity
        ends = interval(row.low, row.high, short)
        rest = f"equal 0 (±{short(finding.margin, digits=2)})" if part is finding.parts[0] else ""
        lines.append(f"  {part.label:<27}{short(row.value):>7}  {ends:<17} {rest}".rstrip())
    return [*lines, f"  {_against(finding, people)}"]


def probe_text(finding: ProbeFinding, *, people: bool) -> str:
    """Return a finding as a paragraph, with names as code in Markdown.

    `people` is as in `probe_lines`.
    """
    numbers = [
        f"{part.label} (`{part.id}`) {short(part.quantity.value)} "
        f"{interval(part.quantity.low, part.quantity.high, short)}".rstrip()
        for part in finding.parts
    ]
    margin = short(finding.margin, digits=2)
    coins = f" {finding.coins[0].upper()}{finding.coins[1:]}." if finding.coins else ""
    return (
        f"{QUESTION} Probe `{finding.probe}`: {finding.verdict} (margin ±{margin})."
        f"{coins} 95 % intervals: {'; '.join(numbers)}. {_against(finding, people)}"
    )


def _against(finding: ProbeFinding, people: bool) -> str:
    names = [level.replace("_", " ") for level in finding.levels]
    one, others = names if len(names) == 2 else ("each level", "the others")
    return f"Effect of {one} against {others}{'; no people were asked' if people else ''}."


def _part(run: Run, id: str, narrow: Quantity | Interval) -> ProbePart:
    quantity = compute(run, id)
    enough = quantity.defined and quantity.n >= FEW
    alike = enough and narrow.low >= -MARGIN and narrow.high <= MARGIN
    differs = enough and (quantity.low > 0 or quantity.high < 0)
    return ProbePart(id, quantity, alike, differs)


def _verdict(run: Run, parts: list[ProbePart]) -> str:
    """Return the verdict on the effects of all levels."""
    alike = all(part.alike for part in parts)
    words = [f"treated alike within {short(MARGIN, digits=2)}"] if alike else []
    differs = [pair for pair in zip(run.probe_rows, parts, strict=True) if pair[1].differs]
    above = [level for level, part in differs if part.quantity.value > 0]
    below = [level for level, part in differs if part.quantity.value < 0]
    if len(run.levels) == 2 and below:
        above, below = [run.levels[1]], []
    for verb, levels in (("favours", above), ("disfavours", below)):
        if levels:
            words.append(f"{verb} {listed([level.replace('_', ' ') for level in levels])}")
    return ", ".join(words) or UNKNOWN


def _coins(part: ProbePart) -> str:
    words = [f"coins alike within {short(MARGIN, digits=2)}"] if part.alike else []
    if part.differs:
        words.append(f"{'more' if part.quantity.value > 0 else 'fewer'} coins between unequal ones")
    return ", ".join(words) or f"coins: {UNKNOWN}"
