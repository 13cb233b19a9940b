"""The survey in a terminal: one person reads the dilemmas as a model does, and types letters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kidney_evals.studies import CHOICES, Choice
from kidney_evals.survey.interview import Item, question_of
from kidney_evals.survey.results import Beside, OwnAnswers, own_answers
from kidney_evals.survey.settings import SurveySettings
from kidney_evals.survey.store import FEWEST, Participant, Store, readable_code

BACK, STOP, WITHDRAW = "<", "q", "withdraw"

OWN_CONSENT: Final = (
    "You are shown pairs of candidates and asked to choose. Your answers are stored in a file on "
    "this machine, without your name and without times. You can stop at any time, and withdraw, "
    "which deletes your answers."
)
"""Consent text for a study without `survey.yaml`, which can be answered in the terminal only."""


class Stopped(Exception):
    """The person stopped. If there is a message for them, they also withdrew."""


def consented(
    settings: SurveySettings,
    language: str,
    say: Callable[[str], None],
    read: Callable[[str], str],
) -> bool:
    """Show the title, the consent text and the contact; return whether the person typed yes.

    `say` and `read` are those of `Interview`.

    Raises:
        Stopped: The input ended.
    """
    for text in (settings.title, settings.consent, settings.contact):
        if shown := settings.spoken(text, language).strip():
            say(f"{shown}\n")
    return _typed(read, "Type yes to agree and begin: ").casefold() == "yes"


def _typed(read: Callable[[str], str], prompt: str) -> str:
    """Return a typed line without spaces around it; raise `Stopped` at the end of input."""
    try:
        return read(prompt).strip()
    except (EOFError, KeyboardInterrupt):
        raise Stopped from None


@dataclass
class Interview:
    """A survey with one person in a terminal.

    Attributes:
        say: Prints a text.
        read: Prints a prompt and returns the typed line; raises `EOFError` at the end of input.
    """

    store: Store
    say: Callable[[str], None]
    read: Callable[[str], str]

    def run(self, person: Participant) -> None:
        """Ask the questions that are not answered yet, then show the person's results.

        Raises:
            Stopped: The person stopped or withdrew.
        """
        if not person.finished:
            self.say(
                f"Your code, with which you can go on later: {readable_code(person.code)}\n"
                f"{BACK} goes back, {STOP} stops, {WITHDRAW} deletes your answers.\n"
            )
            self._questions(person)
            self._about(person)
            self.store.finish(person)
        self.say("\n".join(_lines(self.store, person, own_answers(self.store, person))))
        settings = self.store.settings
        if thanks := settings.spoken(settings.thanks, person.language).strip():
            self.say(f"\n{thanks}")

    def _questions(self, person: Participant) -> None:
        plan, answers = self.store.plan(person), self.store.answers(person)
        at = next((item.position for item in plan if item.position not in answers), len(plan))
        while True:
            if at < len(plan):
                answer = self._answer(person, plan[at], len(plan), answers.get(at))
            else:
                answer = self._command(person, f"All is answered. Enter ends, {BACK} goes back: ")
                if not answer:
                    return
            if answer == BACK:
                at = max(0, at - 1)
            elif answer in CHOICES and at < len(plan):
                self.store.record(person, at, answer)
                answers[at] = answer
                at += 1

    def _answer(self, person: Participant, item: Item, count: int, given: Choice | None) -> str:
        """Ask a question; return the answer, or BACK."""
        question = question_of(self.store.study, item, person.condition, person.language)
        choices: dict[str, Choice] = {
            name.casefold(): item.chosen(place) for place, name in enumerate(question.names)
        }
        if person.condition == "coin_flip":
            choices["c"] = "coin"
        letters = {choice: letter.upper() for letter, choice in choices.items()}
        self.say(f"\n{item.position + 1} of {count}\n\n{question.text}\n")
        a, b = question.names
        allowed = f"{a}, {b} or C for the coin" if "c" in choices else f"{a} or {b}"
        kept = f" (Enter keeps {letters[given]})" if given else ""
        while True:
            typed = self._command(person, f"{allowed}{kept}: ")
            if typed == BACK or (typed in choices):
                return choices.get(typed, typed)
            if given and not typed:
                return given

    def _command(self, person: Participant, prompt: str) -> str:
        """Return what is typed; carry out STOP and WITHDRAW."""
        typed = _typed(self.read, prompt).casefold()
        if typed == STOP:
            raise Stopped
        if typed == WITHDRAW:
            self.store.withdraw(person)
            raise Stopped("Your answers are deleted.")
        return typed

    def _about(self, person: Participant) -> None:
        """Ask the questions about the person; an empty line leaves one out."""
        settings = self.store.settings
        for ask in settings.ask:
            if ask.id in self.store.asked(person):
                continue
            options = settings.options(ask, person.language)
            self.say(f"\n{settings.spoken(ask.label, person.language).strip()}")
            for number, text in enumerate(options.values(), start=1):
                self.say(f"  {number}  {text}")
            numbered = {str(number): value for number, value in enumerate(options, start=1)}
            while (typed := self._command(person, "Number, or Enter for no answer: ")) != "":
                if typed in numbered:
                    self.store.record_asked(person, ask.id, numbered[typed])
                    break


def _lines(store: Store, person: Participant, own: OwnAnswers) -> list[str]:
    """Return a person's answers beside those of others as lines of text."""
    who = {
        "participants": " beside others who answered the same questions:",
        "reference": " beside the people of the study in the same questions:",
        "nobody": ". Nothing stands beside them: for most of your questions fewer than "
        f"{FEWEST} others have finished, and the study has no other people to compare with.",
    }
    lines = [f"Your {own.answers} answers{who[own.others]}", ""]
    rows: list[tuple[str, str, Beside]] = []
    for attribute in store.study.attributes:
        if line := own.attributes.get(attribute.id):
            rows.append((f"You chose {attribute.favoured_text}", "others", line))
    if own.coin:
        rows.append(("You left it to the coin", "others", own.coin))
    if own.alike:
        rows.append(("Another person chose as you did", "two others chose alike", own.alike))
    for text, others, line in rows:
        beside = "" if own.others == "nobody" else f"; {others} {line.others:.0%}"
        chance = f"(from {line.low:.0%} to {line.high:.0%})"
        lines += [text, f"    {line.own:.0%} of {line.of} {chance}{beside}"]
    lines += [
        "",
        "In brackets is the range that chance allows with so few answers. Counted are first "
        "answers without controls; for a property of the candidates, those in which they differ in "
        "it and you chose one of them.",
    ]
    return lines
