"""The page as text: its figures, the same for the same figures, nothing from elsewhere, no strange markup."""

import base64
import hashlib
import html
import json
import re
from datetime import timedelta

import pytest
from test_report_markup import HOSTILE, Read

from report_figures import MADE, figures, nothing
from warehouse.report.page import page
from warehouse.report.questions import QUESTIONS


def data_of(text):
    return json.loads(
        re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, re.S)[1]
    )


def test_the_page_tells_its_figures():
    read = Read(page(figures()))
    for words in (
        "s3://bucket",
        "catalog version 7",
        "2024-02-29 12:30 UTC",
        "12,346",
        "5.0 MB",
        "training 3, validation 1",
        "Northfield",
        "April 2020",
        "truncated",
        "it is not whole",
        "send the whole file again",
        "4 incomplete",
        "1 min 1 s",
    ):
        assert words in read.text, words


def test_its_data_are_the_answers_and_the_counts():
    data = data_of(page(figures()))
    assert data["totals"][0] == {
        "group": "training",
        "patients": 3,
        "studies": 4,
        "images": 12_345,
        "bytes": 5_000_000,
    }
    assert data["runs"][0]["started"] == "2024-02-29T11:30:00+00:00"
    assert data["completeness"]["records"] == {"data": 1, "status": 1}
    filled = {row["field"]: (row["data"], row["status"]) for row in data["completeness"]["fields"]}
    assert (filled["Age"], filled["SwabStatus"]) == ((1, 0), (0, 1))


def test_every_question_is_shown():
    text = Read(page(nothing())).text
    assert [name for name, sql in QUESTIONS.items() if sql not in text] == []


def test_a_warehouse_with_nothing_in_it():
    read = Read(page(nothing()))
    assert "no catalog yet" in read.text
    assert "nothing is quarantined" in read.text
    assert "nothing waits" in read.text


def test_what_was_not_read_is_said():
    text = Read(page(figures(unread={"damaged": 2, "forbidden": 1}))).text
    assert "3 records could not be read and are left out." in text


def test_the_same_figures_give_the_same_page_but_for_the_time():
    one, other = page(figures()), page(figures(made=MADE + timedelta(days=400)))
    assert page(figures()) == one
    assert other != one

    def without(text):
        return re.sub(r"<time.*?</time>|\"made\": \"[^\"]*\"", "", text)

    assert without(one) == without(other)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_wrote_stays_text(text):
    plain = Read(page(figures()))
    read = Read(page(figures(centre=text, modality=text, reason=text, warehouse=text)))
    assert [name for name, _ in read.elements] == [name for name, _ in plain.elements]
    assert not [facts for _, facts in read.elements if any(name.startswith("on") for name in facts)]
    assert read.text.count(text) >= 4
    data = data_of(page(figures(centre=text)))
    assert data["centres"][0]["centre"] == text


def test_nothing_is_loaded_from_anywhere():
    text = page(figures())
    read = Read(text)
    addresses = [
        (name, key, value)
        for name, facts in read.elements
        for key, value in facts.items()
        if key in ("src", "href", "action", "data", "poster", "srcset", "style")
    ]
    assert addresses == [("link", "href", "data:,")]
    assert not re.search(r"url\(|@import|https?:", text.replace(json.dumps(data_of(text)), ""))


def test_the_policy_lets_in_this_very_style_and_script_and_no_other():
    text = page(figures())
    (policy,) = [
        facts["content"] for name, facts in Read(text).elements if facts.get("http-equiv") is not None
    ]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    for directive, pattern in (
        ("style-src", "<style>(.*?)</style>"),
        ("script-src", "<script>(.*?)</script>"),
    ):
        (held,) = re.findall(pattern, text, re.S)
        digest = base64.b64encode(hashlib.sha256(held.encode()).digest()).decode()
        assert directives[directive] == f"'sha256-{digest}'"
    assert "unsafe" not in policy
    assert not [facts for _, facts in Read(text).elements if "style" in facts]


def test_each_statement_stands_in_a_block_of_its_own():
    told = figures()
    text = page(told)
    blocks = [html.unescape(block) for block in re.findall(r"<pre[^>]*>(.*?)</pre>", text, re.S)]
    assert blocks == [QUESTIONS[name] for name in QUESTIONS]
    assert text.count(f"later on with --as-of {told.version}.") == 3
    assert "--as-of" not in page(nothing())


def luminance(colour):
    """Relative luminance (WCAG 2.2) of #rgb or #rrggbb."""
    digits = colour[1:] if len(colour) == 7 else "".join(sign * 2 for sign in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


SCHEMES = [
    dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6});", block))
    for block in re.findall(r":root \{(.*?)\}", page(nothing()), re.S)
]


@pytest.mark.parametrize("colours", SCHEMES, ids=["light", "dark", "print"])
def test_colours_can_be_told_apart(colours):
    for name in ("text", "quiet", "good", "bad"):
        assert contrast(colours[name], colours["page"]) >= 4.5, name
        assert contrast(colours[name], colours["raised"]) >= 4.5, name
    for name in ("training", "validation", "files"):
        assert contrast(colours[name], colours["page"]) >= 3, name
        assert contrast(colours[name], colours["raised"]) >= 3, name
