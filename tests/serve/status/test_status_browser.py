"""The status page in a browser: live, by keyboard, on a phone, and whatever callers write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from status_world import HOSTILE, Busy


@pytest.fixture
def opened(browser, busy_gateway: Busy) -> Iterator[Any]:
    """Opens the page; no script fails, nothing breaks the policy, and nobody else is asked."""
    said: list[str] = []
    contexts = []
    base = str(busy_gateway.running.client.base_url)

    def open_(width: int = 1280, scheme: str = "light", key: str | None = "ops") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, has_touch=width < 500
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "console",
            lambda it: said.append(it.text) if "status of 40" not in it.text else None,
        )
        page.on(
            "request",
            lambda it: said.append(it.url) if not it.url.startswith((base, "data:")) else None,
        )
        page.goto(base + "/")
        if key is not None:
            page.wait_for_selector("#key-form:not([hidden])")
            page.fill("#key", busy_gateway.keys[key])
            page.keyboard.press("Enter")
            page.wait_for_selector("#decision-list details")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert said == []


def until(page: Any, expression: str, given: object = None) -> None:
    """Wait; the browser's own way evaluates text, which the page's policy forbids."""
    for _ in range(600):
        if page.evaluate(expression, given):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never came: {expression}")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_nothing_overflows_and_screenshots_are_kept(opened, artifacts, width, scheme):
    page = opened(width, scheme)
    page.locator("#decision-list summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = page.evaluate(
        """() => [...document.querySelectorAll("h1, h2, p, td, th, dd, li, summary > *")]
        .filter((it) => it.getClientRects().length && !it.closest("thead"))
        .filter((it) => it.getBoundingClientRect().right > innerWidth + 1)
        .map((it) => it.outerHTML.slice(0, 80))"""
    )
    assert beyond == []
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, input, nav a, summary")]
        .filter((it) => it.getClientRects().length)
        .filter((it) => it.getBoundingClientRect().height < 24)
        .map((it) => it.outerHTML.slice(0, 80))"""
    )
    assert small == []
    shot = artifacts / f"status-{width}-{scheme}.png"
    page.screenshot(path=shot, full_page=True)
    assert shot.stat().st_size > 30_000


def test_cells_of_a_phone_do_not_lie_on_each_other(opened):
    page = opened(390)
    over = page.evaluate(
        """() => [...document.querySelectorAll("summary")].flatMap((head) => {
            const boxes = [...head.children].map((it) => it.getBoundingClientRect());
            return boxes.flatMap((a, i) => boxes.slice(i + 1)
                .filter((b) => a.right > b.left + 1 && b.right > a.left + 1
                            && a.bottom > b.top + 1 && b.bottom > a.top + 1)
                .map(() => head.textContent));
        })"""
    )
    assert over == []


def test_what_callers_write_stays_text(opened):
    page = opened()
    page.locator("#decision-list summary", has_text=HOSTILE).first.click()
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert page.title() == "routelab status"
    for section in ("#spending", "#budgets", "#decisions"):
        assert HOSTILE in page.locator(section).inner_text()


def test_it_shows_new_decisions_by_itself_and_keeps_what_is_open(opened, busy_gateway):
    page = opened()
    first = page.locator("#decision-list details").first
    first.locator("summary").click()
    text = first.locator(".why").inner_text()
    assert busy_gateway.ask("web", 40, model="routelab/small", task="fresh") == 200
    until(page, "document.querySelector('#decision-list summary').textContent.includes('small')")
    page.wait_for_selector("#decision-list li:nth-child(2) details[open]")
    assert page.locator("#decision-list li:nth-child(2) .why").inner_text() == text
    page.locator("#decision-list details").first.locator("summary").click()
    until(page, "document.querySelector('#decision-list details').innerText.includes('fresh')")


def test_everything_is_reached_by_keyboard_and_pausing_holds_the_page(opened, busy_gateway):
    page = opened(key=None)
    page.wait_for_selector("#key-form:not([hidden])")
    assert page.evaluate("document.activeElement.id") == "key"
    page.keyboard.type(busy_gateway.keys["ops"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#decision-list details")
    assert page.evaluate("document.activeElement.id") == "main"
    page.reload()
    page.wait_for_selector("#decision-list details")
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => { const it = document.activeElement;
            return [it.tagName, it.id || it.getAttribute("href") || "",
                    getComputedStyle(it).outlineStyle]; }"""
        )
        seen.append(tuple(at))
        if at[0] == "SUMMARY":
            break
    assert {name for _, name, _ in seen} >= {"pause", "forget", "#policies", "#refusals"}
    assert all(outline != "none" for _, _, outline in seen)
    page.keyboard.press("Enter")
    assert page.locator("#decision-list details[open]").count() == 1
    page.locator("#pause").focus()
    page.keyboard.press("Space")
    assert page.locator("#pause").get_attribute("aria-pressed") == "true"
    shown = page.locator("#summary").inner_text()
    busy_gateway.ask("web", 41)
    page.wait_for_timeout(600)
    assert page.locator("#summary").inner_text() == shown
    page.keyboard.press("Space")
    until(page, "(text) => document.querySelector('#summary').innerText !== text", shown)


def test_a_key_that_is_no_operators_is_told_so_and_forgotten_when_asked(opened, busy_gateway):
    page = opened(key=None)
    page.wait_for_selector("#key-form:not([hidden])")
    page.fill("#key", busy_gateway.keys["web"])
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#key-why').textContent.includes('operator')")
    assert not page.locator("#main").is_visible()
    page.fill("#key", busy_gateway.keys["ops"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#decision-list details")
    page.reload()
    page.wait_for_selector("#decision-list details")  # kept by the tab
    page.click("#forget")
    assert not page.locator("#main").is_visible()
    assert page.evaluate("sessionStorage.length") == 0
