"""The explorer shows, in a real browser, what a replay with its thresholds and prices gives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from routelab.core.catalogue.catalogue import Catalogue
from routelab.logs.model.log import Log, Requests
from routelab.metrics.exact import exact_mean
from routelab.policies import Cascade
from routelab.replay import ComparisonSet, Coverage
from routelab.replay.breakdown import Grid, breakdown
from routelab.reports import forms
from routelab.reports.explorer import Explorer, Landmark, explorer_json, single

NAMES = ("<script>alert(1)</script>", "n" * 300, 'large & "dear"')
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def comparison_of(
    n: int, models: tuple[str, ...], seed: int = 0, group_size: int = 1
) -> ComparisonSet:
    """A part with half and whole qualities, round costs and some failed calls: many ties."""
    rng = np.random.default_rng(seed)
    shape = (n, m := len(models))
    error = rng.random(shape) < 0.05
    quality = np.where(error, 0.0, rng.binomial(2, np.linspace(0.5, 0.9, m), shape) / 2)
    confidence = np.clip(quality / 2 + rng.normal(size=shape, scale=0.3), 0.001, 0.999)
    cost = rng.integers(1, 9, size=shape) * 4.0 ** np.arange(m) / 8192
    nothing = np.full(shape, np.nan)
    log = Log(
        requests=Requests(id=np.array([f"r{row}" for row in range(n)], dtype=object)),
        models=models,
        quality=np.asfortranarray(quality),
        cost_usd=np.asfortranarray(cost),
        latency_s=nothing,
        prompt_tokens=nothing,
        completion_tokens=nothing,
        error=error,
        signals={"sure": np.asfortranarray(np.where(error, np.nan, confidence))},
    )
    return ComparisonSet(
        "test", log, np.arange(n) // group_size, Coverage(np.arange(n), 0, {}), Catalogue(), seed
    )


def grid_of(comparison: ComparisonSet, cascade: Cascade) -> Grid:
    grid = breakdown(cascade, comparison, None, comparison.models[-1]).grid
    assert grid is not None
    return grid


class World(NamedTuple):
    """What a page is made from."""

    comparison: ComparisonSet
    cascade: Cascade
    grid: Grid
    page: str


@cache
def world_of(n: int, models: tuple[str, ...] = NAMES, **options: Any) -> World:
    comparison = comparison_of(n, models, **options)
    cascade = Cascade(models, (0.4, 0.6)[: len(models) - 1], "sure")
    alone = [
        single(name, exact_mean(replay.quality), 1000 * exact_mean(replay.cost_usd))
        for name, replay in zip(models, comparison.fixed(), strict=True)
    ]
    marks = [*alone, Landmark("</script><b>oracle", "policy", 0.97, 1.5)]
    grid = grid_of(comparison, cascade)
    body = Explorer(grid, marks).html()
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    page = (
        f'<!doctype html><html lang="en">{head}<link rel="icon" href="data:,"><main>{body}</main>'
    )
    return World(comparison, cascade, grid, page)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as started:
        running = started.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def tab(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def visit(tab: Any, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Opens a page from disk; whatever goes wrong in it fails the test."""
    wrong: list[str] = []
    heard = {
        "console": lambda message: wrong.append(message.text),
        "pageerror": lambda error: wrong.append(str(error)),
        "dialog": lambda dialog: (wrong.append(dialog.message), dialog.dismiss()),
    }
    for event, hear in heard.items():
        tab.on(event, hear)

    def go(html: str) -> Any:
        path = tmp_path / "page.html"
        path.write_text(html, encoding="utf-8")
        tab.set_viewport_size({"width": 1280, "height": 900})
        tab.goto(path.as_uri())
        return tab

    yield go
    for event, hear in heard.items():
        tab.remove_listener(event, hear)
    assert wrong == []


def shown(page: Any) -> dict[str, str]:
    """What the page reads out, at once."""
    found: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-figure], [data-answered]')]"
        ".map((it) => [it.dataset.figure ?? it.dataset.answered, it.textContent]))"
    )
    return found


def replayed(comparison: ComparisonSet, cascade: Cascade) -> dict[str, str]:
    """The same figures from a replay."""
    replay = comparison.replay(cascade)
    found = {
        "quality": forms.quality(exact_mean(replay.quality)),
        "usd": forms.usd(1000 * exact_mean(replay.cost_usd)),
        "escalated": forms.share(float(np.mean(replay.calls > 1))),
    }
    for step, name in enumerate(cascade.models):
        column = comparison.models.index(name)
        found[str(step)] = forms.share(float(np.mean(replay.answered == column)))
    if (replay.answered < 0).any():
        found[str(len(cascade.models))] = forms.share(float(np.mean(replay.answered < 0)))
    return found


def at_price(comparison: ComparisonSet, column: int, factor: float) -> ComparisonSet:
    cost = comparison.log.cost_usd.copy(order="F")
    cost[:, column] *= factor
    return replace(comparison, log=replace(comparison.log, cost_usd=cost))


def press(page: Any, selector: str, key: str, times: int) -> None:
    page.locator(selector).focus()
    for _ in range(times):
        page.keyboard.press(key)


def test_it_starts_where_the_policy_is(visit: Callable[..., Any]) -> None:
    world = world_of(400)
    page = visit(world.page)
    figures = replayed(world.comparison, world.cascade)
    assert shown(page) == figures
    told = page.locator(".explorer-chosen").text_content()
    assert f"quality {figures['quality']} (" in told
    assert f"USD {figures['usd']} (" in told
    assert figures["escalated"] in told


@pytest.mark.parametrize("n", [64, 400])
def test_every_slider_moves_to_what_a_replay_gives(visit: Callable[..., Any], n: int) -> None:
    world = world_of(n)
    page = visit(world.page)
    place = list(world.grid.chosen)
    moves = [(0, "ArrowRight", 3), (1, "ArrowLeft", 4), (0, "Home", 1), (1, "End", 1)]
    moves += [(0, "ArrowRight", 1), (1, "ArrowDown", 1)] * 6
    for slider, key, times in moves:
        press(page, f"#explorer-threshold-{slider}", key, times)
        last = len(world.grid.thresholds[slider]) - 1
        step = {"ArrowRight": times, "ArrowLeft": -times, "ArrowDown": -times}.get(key, 0)
        place[slider] = {"Home": 0, "End": last}.get(key, min(last, max(0, place[slider] + step)))
        held = tuple(axis[at] for axis, at in zip(world.grid.thresholds, place, strict=True))
        assert shown(page) == replayed(world.comparison, Cascade(NAMES, held, "sure"))
        label = page.locator(f"#explorer-threshold-{slider}").get_attribute("aria-valuetext")
        assert float(label) == pytest.approx(held[slider], rel=1e-3)


def test_prices_move_cost_alone(visit: Callable[..., Any]) -> None:
    world = world_of(400)
    page = visit(world.page)
    start = shown(page)
    comparison = world.comparison
    for column, key, times in [(0, "ArrowRight", 7), (2, "ArrowLeft", 9), (1, "End", 1)]:
        page.locator("#explorer-model").select_option(str(column))
        assert page.locator("#explorer-price").get_attribute("aria-valuetext") == "times 1.00"
        press(page, "#explorer-price", key, times)
        exponent = {"ArrowRight": times, "ArrowLeft": -times, "End": 20}[key]
        comparison = at_price(comparison, column, 10 ** (exponent / 20))
        assert shown(page) == replayed(comparison, world.cascade)
    assert shown(page)["usd"] != start["usd"]
    page.locator("#explorer-model").select_option("0")
    assert page.locator("#explorer-price").get_attribute("aria-valuetext") == "times 2.24"
    press(page, "button", "Enter", 1)
    assert shown(page) == start


def test_intervals_are_of_the_cost_at_the_current_prices(visit: Callable[..., Any]) -> None:
    world = world_of(600, group_size=3)
    page = visit(world.page)
    press(page, "#explorer-price", "ArrowRight", 6)
    comparison = at_price(world.comparison, 0, 10 ** (6 / 20))
    replay = comparison.replay(world.cascade)
    for name, values, told in (
        ("quality", replay.quality, forms.quality),
        ("usd", 1000 * replay.cost_usd, forms.usd),
    ):
        off = (values - values.mean()).reshape(-1, 3).sum(axis=1)
        error = np.sqrt((off**2).sum() * 200 / 199) / 600
        low, high = values.mean() - 1.959964 * error, values.mean() + 1.959964 * error
        text = page.locator(f'[data-interval="{name}"]').text_content()
        assert text == f"{told(low)} to {told(high)}"


def test_the_point_on_the_plane_moves(visit: Callable[..., Any]) -> None:
    page = visit(world_of(400).page)
    point = page.locator(".explorer-plane .here")
    before = point.get_attribute("cx"), point.get_attribute("cy")
    press(page, "#explorer-threshold-0", "Home", 1)
    assert float(point.get_attribute("cx")) < float(before[0])
    assert page.locator(".explorer-plane .whisker").count() == 2
    assert page.locator(".explorer-plane .model").count() == len(NAMES)
    assert page.locator(".explorer-plane .stale").count() == 0
    press(page, "#explorer-price", "End", 1)
    assert page.locator(".explorer-plane .policy.stale").count() == 1


def test_what_changed_is_said_once_it_has(visit: Callable[..., Any]) -> None:
    world = world_of(400)
    page = visit(world.page)
    said = page.locator('[role="status"]')
    assert said.text_content() == ""
    press(page, "#explorer-threshold-1", "Home", 1)
    figures = shown(page)
    assert said.text_content() == (
        f"Quality {figures['quality']}, USD {figures['usd']} per 1,000 requests,"
        f" {figures['escalated']} escalated."
    )


def test_every_control_has_a_name(visit: Callable[..., Any]) -> None:
    page = visit(world_of(400).page)
    for name in NAMES[:2]:
        assert page.get_by_role("slider", name=name, exact=True).count() == 1
    assert page.get_by_role("slider", name="Price factor").count() == 1
    assert page.get_by_role("combobox", name="Model whose price changes").count() == 1
    assert page.get_by_role("button", name="Back to the tuned policy").count() == 1


def test_nothing_overflows(visit: Callable[..., Any]) -> None:
    page = visit(world_of(400).page)
    press(page, "#explorer-threshold-0", "ArrowRight", 2)
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            "(plane) => Number(plane.getAttribute('viewBox').split(' ')[2]) <= innerWidth",
            arg=page.query_selector(".explorer-plane"),
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for left, right in page.evaluate(
            "[...document.querySelectorAll('.explorer-plane text')]"
            ".map((text) => text.getBoundingClientRect()).map((box) => [box.left, box.right])"
        ):
            assert left >= -1
            assert right <= width + 1


def test_without_scripts_it_says_what_was_chosen(browser: Any, tmp_path: Path) -> None:
    world = world_of(400)
    path = tmp_path / "page.html"
    path.write_text(world.page, encoding="utf-8")
    page = browser.new_page(java_script_enabled=False)
    page.goto(path.as_uri())
    assert not page.locator(".explorer-live").is_visible()
    assert replayed(world.comparison, world.cascade)["usd"] in page.inner_text("main")
    page.close()


def test_a_pair_has_one_slider_and_a_lone_threshold_stays(visit: Callable[..., Any]) -> None:
    world = world_of(400, ("small", "large"))
    assert visit(world.page).locator(".explorer-threshold").count() == 1
    comparison = world.comparison
    signals = {"sure": np.full((400, 2), np.nan)}
    dull = replace(comparison, log=replace(comparison.log, signals=signals))
    page = visit(f"<main>{Explorer(grid_of(dull, world.cascade)).html()}</main>")
    assert page.locator(".explorer-threshold").is_disabled()
    assert shown(page) == replayed(dull, world.cascade)


def test_one_group_has_no_intervals(visit: Callable[..., Any]) -> None:
    world = world_of(60, group_size=60)
    page = visit(world.page)
    assert page.locator('[data-interval="usd"]').text_content() == ""
    assert page.locator(".explorer-plane .whisker").count() == 0
    assert " to " not in page.locator(".explorer-chosen").text_content()


def test_the_table_is_small_and_safe_inside_a_page() -> None:
    models = tuple(f"</script><!-- {index} & " for index in range(4))
    comparison = comparison_of(3000, models)
    grid = grid_of(comparison, Cascade(models, (0.3, 0.5, 0.7), "sure"))
    text = explorer_json(grid, [single(models[0], 0.5, 1.0)])
    assert len(text) < 1_000_000
    assert not set("<>&") & set(text)
    assert json.loads(text)["models"] == list(models)
    assert text == explorer_json(grid, [single(models[0], 0.5, 1.0)])


def test_thresholds_that_are_close_are_told_apart() -> None:
    comparison = comparison_of(200, ("small", "large"))
    near = 1 - (1 - comparison.log.signals["sure"]) * 1e-7
    comparison = replace(comparison, log=replace(comparison.log, signals={"sure": near}))
    grid = grid_of(comparison, Cascade(("small", "large"), (1 - 3e-8,), "sure"))
    (labels,) = json.loads(explorer_json(grid))["labels"]
    assert len(set(labels)) == len(labels) == len(grid.thresholds[0])


def test_its_twin_in_markdown_is_plain_text() -> None:
    comparison = comparison_of(100, NAMES)
    told = Explorer(grid_of(comparison, Cascade(NAMES, (0.4, 0.6), "sure"))).markdown()
    assert "<script>" not in told
    assert replayed(comparison, Cascade(NAMES, (0.4, 0.6), "sure"))["usd"] in told
