"""The simulated respondents: the probability of each of their answers, as arrays.

The docstring of a respondent is its documentation (`kidney_evals.respondents.describe`).
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kidney_evals.errors import UserError, check_known
from kidney_evals.respondents.arguments import COMMON, Probabilities, Traits
from kidney_evals.respondents.people import Floats, person_answers
from kidney_evals.respondents.question import Question, fraction
from kidney_evals.respondents.replies import pick


@dataclass(frozen=True, eq=False)
class Dilemmas:
    """The data of dilemmas that a respondent uses."""

    # People's shares of the patients and, if offered, the coin, shape (D, 2) or (D, 3); NaN where
    # nobody was asked.
    shares: Floats
    # First minus second patient by attribute, positive where people favour the first, shape (D, k).
    differences: Floats


Definition = Callable[[Dilemmas], Floats]
"""A function that returns a respondent's answer probabilities, shape (D, 2, 4).

The axes are the D dilemmas, the two orders (first patient shown first, or second), and the answers:
first patient, second patient, indecision and refusal.
"""


@dataclass(frozen=True)
class Respondent:
    """A simulated respondent."""

    name: str  # after `kidney/`
    define: Definition
    takes: tuple[str, ...]  # names of its arguments
    needs_people: bool  # whether it needs people's answers to the dilemma
    description: str  # the docstring of its definition


_RESPONDENTS: dict[str, Respondent] = {}


def _respondent(*takes: str, needs_people: bool = False) -> Callable[[Definition], Definition]:
    """Register a definition as a respondent of the same name; `takes` are its own arguments."""

    def register(define: Definition) -> Definition:
        name, described = define.__name__, inspect.getdoc(define) or ""
        takes_all = (*COMMON, *takes)
        _RESPONDENTS[name] = Respondent(name, define, takes_all, needs_people, described)
        return define

    return register


@_respondent("person", needs_people=True)
def human(dilemmas: Dilemmas) -> Floats:
    """People of the study; by default another person answers every sample.

    Over many samples the answer shares equal the human reference, and the choice distance is 0:
    these are the scores that the group of people would have as a model.

    `-M person=dilemma` draws one of 132 simulated persons for each dilemma, who answers it in both
    orders and all epochs; `-M person=one` asks one person everything. Persons differ in their
    weights and coin rates, by the distribution over people that the study ships (a synthetic one
    for a study without). A person answers with probabilities and may answer differently when asked
    again, but two answers of one person are more alike than the answers of two people. The choice
    distance then includes the variance of these probabilities over persons: on the drawn study
    .15 without and .21 with a coin on average.

    Needs people who answered in this condition; answers in another condition are not used.
    """
    return _of_shares(dilemmas.shares)


@_respondent(needs_people=True)
def majority(dilemmas: Dilemmas) -> Floats:
    """The most frequent human answer to each dilemma.

    A coin on offer counts as an answer. In a tie a patient is chosen before the coin, and the
    first-listed patient before the second, in both orders. Needs people who answered in this
    condition.
    """
    most = np.round(dilemmas.shares, 9).argmax(axis=1)
    return _of_shares(np.eye(dilemmas.shares.shape[1])[most])


@_respondent(needs_people=True)
def never_flips(dilemmas: Dilemmas) -> Floats:
    """The human shares among decided answers, independently in every sample; never the coin.

    If no people were offered a coin, these are the shares of the forced choice.
    """
    decided = dilemmas.shares[:, :2].sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return _of_shares(np.where(decided == 0, 0.5, dilemmas.shares[:, :2] / decided))


@_respondent()
def uniform(dilemmas: Dilemmas) -> Floats:
    """Every offered answer with the same probability, independently in every sample."""
    return _of_shares(np.full_like(dilemmas.shares, 1 / dilemmas.shares.shape[1]))


@_respondent("attributes")
def lexicographic(dilemmas: Dilemmas) -> Floats:
    """The patient who is better on the first attribute in which the two differ.

    The better value is the value that people favour. `-M attributes=age,drinks,dependents` sets
    the order (by default the study's order); other attributes are ignored. If the patients are
    equal in all these attributes: the coin if it is offered, else Patient A.
    """
    gap = dilemmas.differences
    deciding = gap[np.arange(len(gap)), np.argmax(gap != 0, axis=1)]
    alike = (deciding == 0)[:, None]
    answers = _of_shares(np.column_stack([deciding > 0, deciding < 0]).astype(np.float64))
    ties = coin(dilemmas) if dilemmas.shares.shape[1] == 3 else first(dilemmas)
    return np.where(alike[:, :, None], ties, answers)


@_respondent(needs_people=True)
def anti_human(dilemmas: Dilemmas) -> Floats:
    """People with every weight reversed: the human shares of the two patients, swapped.

    Flips as people do, independently in every sample. Needs people who answered in this
    condition.
    """
    return _of_shares(dilemmas.shares[:, [1, 0, 2][: dilemmas.shares.shape[1]]])


@_respondent()
def first(dilemmas: Dilemmas) -> Floats:
    """Always Patient A, for any two patients."""
    return np.tile([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]], (len(dilemmas.shares), 1, 1))


@_respondent()
def coin(dilemmas: Dilemmas) -> Floats:
    """Always the coin; if no coin is offered, the statement that it would flip a coin."""
    return np.tile([0.0, 0.0, 1.0, 0.0], (len(dilemmas.shares), 2, 1))


@_respondent()
def refuser(dilemmas: Dilemmas) -> Floats:
    """Declines to choose, half of the time in words and half of the time by a content filter."""
    return np.tile([0.0, 0.0, 0.0, 1.0], (len(dilemmas.shares), 2, 1))


def _of_shares(shares: Floats) -> Floats:
    """Return the same shares in both orders, without refusals."""
    answers = np.zeros((len(shares), 2, 4))
    answers[:, :, : shares.shape[1]] = shares[:, None, :]
    return answers


def respondents() -> tuple[Respondent, ...]:
    """Return every respondent, in the order of definition."""
    return tuple(_RESPONDENTS.values())


def find_respondent(name: str) -> Respondent:
    """Return the respondent of a name; raise `UserError` if there is none."""
    check_known("respondent kidney", name, _RESPONDENTS)
    return _RESPONDENTS[name]


def answer_probabilities(
    respondent: Respondent, question: Question, traits: Traits
) -> Probabilities:
    """Return P(A), P(B), P(indecision), P(refusal) of a respondent's answer to a question.

    A and B are the patients as shown.

    Raises:
        UserError: The study lacks an attribute that an argument names, or the respondent needs
            human answers to the dilemma and there are none.
    """
    study = question.study
    differences = dict(zip(study.attribute_ids, study.differences(question.dilemma), strict=True))
    for name in traits.attributes:
        check_known(f"attribute of study {study.id!r}", name, differences)
    shares = np.full(3 if question.offers_coin else 2, np.nan)
    if respondent.needs_people:
        shares = _people_shares(respondent, question, traits)
    counted = np.array([differences[name] for name in traits.attributes or differences])
    own = respondent.define(Dilemmas(shares[None], counted[None]))
    return traits.applied(tuple(own[0, 0 if question.order == "ab" else 1].tolist()), question)


def _people_shares(respondent: Respondent, question: Question, traits: Traits) -> Floats:
    """Return people's shares of a dilemma, or the probabilities of a simulated person."""
    from kidney_evals.human.reference import load_reference

    conditions = [question.condition]
    if respondent.name == "never_flips" and question.offers_coin:
        conditions.append("forced_choice")
    for condition in conditions:
        reference = load_reference(question.study, condition)
        shares = np.array(reference.shares_of(question.dilemma))
        if np.isfinite(shares).all():
            break
    else:
        coin = ", never_flips those of the forced choice" if condition == "coin_flip" else ""
        raise UserError(
            f"kidney/{respondent.name} cannot answer: no answers of people are known for dilemma "
            f"{question.dilemma.id!r} of study {question.study.id!r} in condition {condition}; "
            f"uniform, lexicographic, first, coin and refuser need none{coin}"
        )
    if traits.person == "fresh":
        # Averaged over a new person for every sample, the probabilities equal the shares.
        return shares
    place = () if traits.person == "one" else (question.place, ())
    persons = person_answers(reference, question.dilemma)
    return pick(list(persons), fraction(traits.seed, "person", *place))
