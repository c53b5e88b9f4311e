"""The page in a browser: at desktop and phone width, in light and dark, and in print."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reports_world import data_of

from routelab.policy_file import load
from routelab.reports import render
from routelab.reports.day import render_day
from routelab.simulate import SimulationOptions, arrivals, latency, scenario, simulate

VIEWS = [
    (1280, "light"),
    (390, "dark"),
    *(pytest.param(*it, marks=pytest.mark.slow) for it in ((390, "light"), (1280, "dark"))),
]


@pytest.fixture(scope="module")
def page_file(tuned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which one model and some tasks have very long names."""
    data = data_of(tuned.study)
    for it in data["breakdown"]["slices"][::3]:
        it["value"] = f"{it['value']} " + "x" * 300
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(render(data).html)
    return path


@pytest.fixture
def opened(browser, page_file) -> Iterator[Any]:
    """Opens the page in a view; whatever the console said is an error in the end."""
    said: list[str] = []
    contexts = []

    def open_(width: int = 1280, scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(page_file.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert said == []


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_nothing_overflows_and_screenshots_are_kept(opened, artifacts, width, scheme):
    page = opened(width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = page.evaluate(
        """() => [...document.querySelectorAll("h1, h2, h3, p, li, dd, figure, .box")]
        .filter((it) => it.getClientRects().length)
        .filter((it) => it.getBoundingClientRect().right > innerWidth + 1)
        .map((it) => it.outerHTML.slice(0, 80))"""
    )
    assert beyond == []
    shot = artifacts / f"report-{width}-{scheme}.png"
    page.screenshot(path=shot, full_page=True)
    assert shot.stat().st_size > 50_000


def test_text_of_drawings_can_be_read_on_a_phone(opened):
    sizes = opened(390).evaluate(
        """() => [...document.querySelectorAll("figure svg")]
        .filter((it) => it.getClientRects().length)
        .map((it) => it.getBoundingClientRect().width / it.viewBox.baseVal.width)"""
    )
    assert len(sizes) > 5
    assert min(sizes) * 10.5 > 8


def test_one_drawing_of_the_front_is_shown_at_a_time(opened):
    for width in (1280, 390):
        page = opened(width)
        shown = page.evaluate(
            """() => [...document.querySelectorAll("figure.wide svg")]
            .filter((it) => it.getClientRects().length).length"""
        )
        assert shown == 1


def test_tables_sort_by_click_and_by_keyboard(opened):
    page = opened()
    table = page.locator("table", has=page.locator("caption", has_text="By task"))
    head = table.locator("thead th").nth(1)

    def column() -> list[float]:
        cells = table.locator("tbody tr td:nth-of-type(1)")
        return [float(cells.nth(i).get_attribute("data-value")) for i in range(cells.count())]

    assert head.get_attribute("aria-sort") == "none"
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column() == sorted(column(), reverse=True)
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert column() == sorted(column())
    table.locator("thead th").nth(0).locator("button").press("Space")
    assert head.get_attribute("aria-sort") == "none"
    names = table.locator("tbody th").all_inner_texts()
    assert names == sorted(names, key=str.lower)


def test_wide_tables_scroll_in_their_own_box(opened):
    page = opened(390)
    box = page.locator(".box").first
    assert box.evaluate("it => it.scrollWidth > it.clientWidth")
    box.focus()
    box.press("ArrowRight")
    for _ in range(50):  # the page's own policy forbids what waits for an expression
        if moved := box.evaluate("it => it.scrollLeft > 0"):
            break
        page.wait_for_timeout(100)
    assert moved


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_page(opened, scheme):
    """WCAG's contrast of 4.5 for every text colour of the page."""
    ratios = opened(scheme=scheme).evaluate(
        """() => {
        const style = getComputedStyle(document.documentElement);
        const light = (name) => {
          const hex = style.getPropertyValue(name).trim();
          const part = (i) => {
            const c = parseInt(hex.slice(i, i + 2), 16) / 255;
            return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
          };
          return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
        };
        return ["--ink", "--muted", "--ours", "--loss", "--good"].map((name) => {
          const [a, b] = [light(name), light("--paper")];
          return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        });
        }"""
    )
    assert min(ratios) >= 4.5


def test_it_prints_on_white_with_every_row(opened, artifacts):
    page = opened(1280, "dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.box')).overflowX") == "visible"
    (artifacts / "report.pdf").write_bytes(page.pdf())


def test_a_simulated_day_fits_on_a_phone(browser, tuned, sample_log, artifacts, tmp_path):
    told = scenario.parse(
        "[[faults]]\nkind = 'outage'\nmodel = 'medium-70b'\nfrom_s = 5\nto_s = 20\n", "day.toml"
    )
    chosen = load(tuned.policy)
    log = sample_log.with_specs(chosen.document.signals)
    coming = arrivals(log, "poisson:6", requests=240)
    day = simulate(
        chosen, log, coming, latency(log, "logged"), options=SimulationOptions(scenario=told)
    )
    path = tmp_path / "day.html"
    path.write_bytes(render_day([day], [], told, "x" * 200).html)
    for scheme in ("light", "dark"):
        context = browser.new_context(
            viewport={"width": 390, "height": 900}, color_scheme=scheme, offline=True
        )
        page = context.new_page()
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("figure.wide .at-narrow svg").bounding_box()["width"] > 300
        page.screenshot(path=artifacts / f"day-390-{scheme}.png", full_page=True)
        context.close()


def test_a_script_that_is_not_ours_does_not_run(browser, page_file, tmp_path):
    """Even where a text were read as markup."""
    hostile = page_file.read_text(encoding="utf-8").replace(
        "</main>",
        '<script>window.ran = 1</script><img src="http://127.0.0.1:9/x" onerror="window.ran = 2">'
        '<a id="a" href="javascript:window.ran=3">x</a></main>',
    )
    path = tmp_path / "hostile.html"
    path.write_text(hostile, encoding="utf-8")
    page = browser.new_page()
    fetched = []
    page.on("requestfailed", lambda request: fetched.append(request.failure))
    page.goto(path.as_uri())
    page.evaluate("document.getElementById('a').click()")
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran === undefined")
    page.close()
