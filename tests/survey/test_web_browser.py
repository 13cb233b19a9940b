"""The survey's pages in a real browser: by mouse, by keyboard alone, and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from kidney_evals.studies import Study
from survey.people import Truth
from survey.serving import TOKEN, Server
from survey.surfing import DESKTOP, PHONE, surfer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SETTINGS = """\
title: {en: "Who should get it?", de: "Wer soll es bekommen?"}
consent: {en: Please take part., de: Bitte nehmen Sie teil.}
contact: ethics@example.org
questions: 6
controls: 1
repeats: 1
languages: [en, de]
ask:
  - id: card
    label: {en: "Do you hold a donor card?", de: "Haben Sie einen Ausweis?"}
    options: [{en: "Yes", de: Ja}, {en: "No", de: Nein}]
"""

TRUTH = Truth(weights=(0.6, 0.5, 0.9), coin=0.5)


@pytest.mark.slow
def test_the_pages_work_by_keyboard_alone(browser: Browser, study: Study, server: Server) -> None:
    one = surfer(browser, study, TRUTH.person(1), keyboard=True)
    for path in one.steps(server.address):
        # What answers a question is reached first.
        if path.startswith("/question"):
            one.page.keyboard.press("Tab")
            assert one.page.evaluate("document.activeElement.value") == "a"
            one.page.keyboard.press("Shift+Tab")
    one.press("footer a")
    one.press("button.delete")
    assert one.page.get_by_role("heading", level=1).inner_text() == "Your answers are deleted"


def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong with the page on screen."""
    from axe_playwright_python.sync_playwright import Axe

    found: dict[str, Any] = Axe().run(page).response
    assert found["passes"]
    return [f"{one['id']}: {node['html']}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize(
    ("language", "size", "dark"), [("en", DESKTOP, False), ("de", PHONE, True)]
)
@pytest.mark.slow
def test_every_page_is_accessible_and_as_wide_as_the_screen(
    language: str, size: dict[str, int], dark: bool, browser: Browser, study: Study, server: Server
) -> None:
    complaints: list[str] = []
    one = surfer(browser, study, TRUTH.person(2), language=language, size=size, dark=dark)
    page = one.page
    page.on("console", lambda message: complaints.append(message.text))

    def check(name: str) -> None:
        assert violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
        assert page.evaluate("document.documentElement.lang") == language or "results" in name
        # The style sheet is there: the policy of the page allows it.
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")

    for path in one.steps(server.address):
        if path in ("/", "/person", "/question/1", "/question/8", "/end"):
            check(path)
        if path == "/question/3":
            one.press(".way a")
            check("answered")
            one.press(".way a:last-child")
    one.press("footer a")
    check("/leave at the end")
    address = page.locator("p.code a").inner_text()
    page.context.clear_cookies()
    page.goto(address)
    check("/resume/CODE")
    page.goto(f"{server.address}/resume")
    page.get_by_role("textbox").fill("wrong")
    one.press("button.main")
    check("/resume with a wrong code")
    page.goto(f"{server.address}/results")
    check("/results without a token")
    page.get_by_label("Owner's token").fill(TOKEN)
    one.press("button.main")
    check("/results")
    assert complaints == []


@pytest.mark.slow
def test_a_double_click_answers_one_question(
    browser: Browser, study: Study, server: Server
) -> None:
    one = surfer(browser, study, TRUTH.person(3))
    for path in one.steps(server.address):
        if path == "/question/2":
            break
    place = one.page.locator("button[value=a]").bounding_box()
    assert place is not None
    one.page.wait_for_timeout(500)  # until the buttons can be pressed
    x, y = place["x"] + 20, place["y"] + 10
    one.page.mouse.click(x, y)
    one.page.wait_for_url("**/question/3")
    one.page.mouse.click(x, y)
    one.page.wait_for_timeout(700)
    assert one.page.url.endswith("/question/3")
    one.page.mouse.click(x, y)
    one.page.wait_for_url("**/question/4")
