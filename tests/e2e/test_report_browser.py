"""The page in a browser: no error, no request, readable at every width, worked by pointer and by keyboard."""

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from report_figures import figures
from support import bare_environment, script
from warehouse.report.page import page as page_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
MILLISECONDS = 20_000

pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs `chromium`, of the system package chromium")


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS, timeout=60_000)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(loaded_once, tmp_path_factory):
    """The page of the demonstration, as the command writes it."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    subprocess.run(
        [script("warehouse"), "report", loaded_once, "--out", file],
        env=bare_environment(),
        capture_output=True,
        timeout=120,
        check=True,
    )
    return file


@pytest.fixture
def open_page(browser):
    """open_page(file, width=..., scheme=...) -> the page in the browser, with what it complained of."""
    contexts = []

    def open_(file, *, width=1400, scheme="light", **how):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, **how
        )
        contexts.append(context)
        context.set_default_timeout(MILLISECONDS)
        page = context.new_page()
        page.said = []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: page.said.append(dialog.message) or dialog.dismiss())
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(Path(file).as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()


def told(page):
    return page.locator("#tip").inner_text() if page.locator("#tip").is_visible() else None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_no_error_no_request_and_no_sideways_scrolling(open_page, report, width, scheme):
    page = open_page(report, width=width, scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()
    page.locator("label[for=by-week]").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.said == []
    assert page.asked == [report.as_uri()]
    red, green, blue = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)"
    )
    assert (red + green + blue > 3 * 200) == (scheme == "light")


@pytest.mark.parametrize("width", [400, 1400])
def test_no_text_is_cut_off_or_lies_on_other_text(open_page, report, width):
    page = open_page(report, width=width)
    for selector in (".tile", ".pair", ".timeline.by-month .row", ".axis:visible", ".legend"):
        for part in page.locator(selector).all():
            inside = part.evaluate(
                "part => [part.scrollWidth <= part.clientWidth + 1, part.getBoundingClientRect().right]"
            )
            assert inside[0], selector
            assert inside[1] <= width, selector


def test_tables_sort_both_ways_and_say_so(open_page, report):
    page = open_page(report)
    head = page.locator("#modalities th", has_text="Images")
    cells = page.locator("#modalities td:nth-child(5)")
    for order, right in (("descending", lambda a, b: a >= b), ("ascending", lambda a, b: a <= b)):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == order
        values = [int(text.replace(",", "")) for text in cells.all_inner_texts()]
        assert len(values) == 7
        assert all(right(a, b) for a, b in pairwise(values))
    other = page.locator("#modalities th", has_text="Modality")
    other.locator("button").focus()
    page.keyboard.press("Enter")
    assert (other.get_attribute("aria-sort"), head.get_attribute("aria-sort")) == ("ascending", "none")
    names = page.locator("#modalities td:first-child").all_inner_texts()
    assert names == sorted(names)


def test_bytes_are_sorted_by_their_number_and_not_by_their_text(open_page, report):
    page = open_page(report)
    page.locator("#modalities th", has_text="Storage").locator("button").click()
    values = page.locator("#modalities td:nth-child(6)").evaluate_all(
        "cells => cells.map(cell => Number(cell.dataset.value))"
    )
    assert values == sorted(values, reverse=True)
    assert page.locator("#modalities td:nth-child(6)").first.inner_text().endswith("MB")


def test_a_bar_tells_its_figure_under_the_pointer(open_page, report):
    page = open_page(report)
    bar = page.locator("#modalities .point").first
    assert told(page) is None
    bar.hover()
    assert told(page) == bar.get_attribute("aria-label") == "CT, training: 5"
    page.locator("h1").hover()
    assert told(page) is None


def test_a_chart_is_one_stop_of_the_keyboard_and_arrows_go_through_it(open_page, report):
    page = open_page(report)
    chart = page.locator("#modalities [data-chart]").first
    points = chart.locator(".point")
    assert chart.locator("[tabindex='0']").count() == 1
    points.first.focus()
    assert told(page) == "CT, training: 5"
    for key, place in (("ArrowRight", 1), ("ArrowDown", 2), ("ArrowLeft", 1), ("End", points.count() - 1)):
        page.keyboard.press(key)
        assert told(page) == points.nth(place).get_attribute("aria-label")
        assert chart.locator("[tabindex='0']").count() == 1
    page.keyboard.press("ArrowRight")
    assert told(page) == points.last.get_attribute("aria-label")
    page.keyboard.press("Escape")
    assert told(page) is None
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert not chart.evaluate("chart => chart.contains(document.activeElement)")


def test_months_and_weeks_are_chosen_also_without_the_script(open_page, report):
    page = open_page(report, java_script_enabled=False)
    shown = page.locator(".timeline.by-month"), page.locator(".timeline.by-week")
    assert [one.is_visible() for one in shown] == [True, False]
    page.locator("label[for=by-week]").click()
    assert [one.is_visible() for one in shown] == [False, True]
    assert page.locator("#runs td").first.inner_text().endswith("UTC")


def test_what_others_wrote_is_shown_and_not_obeyed(open_page, tmp_path):
    hostile = "</script><script>alert(1)</script><img src=http://127.0.0.1:9/x onerror=alert(2)>"
    file = tmp_path / "hostile.html"
    made = page_of(figures(centre=hostile, modality=hostile, reason=hostile, warehouse=hostile))
    file.write_text(made, encoding="utf-8")
    page = open_page(file, width=400)
    assert page.locator("h1").inner_text() == hostile
    assert page.locator("#centres td").first.inner_text() == hostile
    assert page.said == []
    assert page.asked == [file.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") == 400


@pytest.mark.parametrize(
    ("directive", "attempt"),
    [
        ("connect-src", "fetch('http://127.0.0.1:9/')"),
        ("img-src", "new Image().src = 'http://127.0.0.1:9/x'"),
        (
            "script-src-elem",
            "document.head.append(Object.assign(document.createElement('script'), {text: '1'}))",
        ),
        ("style-src-attr", "document.body.setAttribute('style', 'color: red')"),
        ("style-src-elem", "document.head.append(document.createElement('style'))"),
        (
            "frame-src",
            "document.body.append(Object.assign(document.createElement('iframe'), {src: 'http://127.0.0.1:9/'}))",
        ),
    ],
)
def test_the_policy_forbids_the_network_and_strange_scripts(open_page, report, directive, attempt):
    page = open_page(report)
    refused = page.evaluate(
        "new Promise(resolve => {"
        "document.addEventListener('securitypolicyviolation', event => resolve(event.effectiveDirective));"
        f"{attempt}; setTimeout(() => resolve('allowed'), 5000); }})"
    )
    assert refused == directive
