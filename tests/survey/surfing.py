"""People who answer a survey in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kidney_evals.studies import Study, in_language
from survey.people import Interviewee, Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 640}


@dataclass(kw_only=True)
class Surfer(Interviewee):
    """A person in a browser, who uses the keyboard alone, or a mouse or a finger."""

    page: Page
    keyboard: bool = False

    def press(self, selector: str) -> None:
        """Press the first button or link of a selector, and wait until the next page is loaded."""
        target = self.page.locator(selector).first
        if not self.keyboard:
            with self.page.expect_navigation():
                target.click()
            return
        for _ in range(40):
            self.page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                # What has the focus is marked.
                outline = target.evaluate("element => getComputedStyle(element).outlineStyle")
                assert outline == "solid"
                with self.page.expect_navigation():
                    self.page.keyboard.press("Enter")
                return
        raise AssertionError(f"{selector} is not reached by Tab")

    def steps(self, address: str) -> Iterator[str]:
        """Take part, and yield the path of each page."""
        self.page.goto(address)
        yield "/"
        self.press("button.main")
        if self.page.url.endswith("/person"):
            yield "/person"
            self.press("button.main")
        number = 0
        while "/question/" in self.page.url:
            number += 1
            assert self.page.url.endswith(f"/question/{number}")
            yield f"/question/{number}"
            facts = [
                card.locator("dd").all_inner_texts()
                for card in self.page.locator(".candidate").all()
            ]
            has_coin = self.page.locator("button[value=coin]").count() == 1
            answer = self.choose(number, facts, has_coin)
            self.press(f"button[value={answer}]")
        assert self.page.url.endswith("/end")
        yield "/end"


def surfer(
    browser: Browser,
    study: Study,
    person: Person,
    *,
    language: str = "en",
    size: dict[str, int] = DESKTOP,
    keyboard: bool = False,
    dark: bool = False,
    scripts: bool = True,
) -> Surfer:
    context = browser.new_context(
        viewport=size,  # type: ignore[arg-type]
        locale=language,
        color_scheme="dark" if dark else "light",
        java_script_enabled=scripts,
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    return Surfer(in_language(study, language), person, page=page, keyboard=keyboard)
