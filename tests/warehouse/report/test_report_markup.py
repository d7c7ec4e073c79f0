"""Whatever comes from outside stays text: in elements, in attributes, and in the page's data."""

import doctest
import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.report import markup, words
from warehouse.report.markup import Markup, data_block, join, tag

# Characters that HTML itself leaves as they are (13.2.3.5): no controls, no carriage return.
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")))
HOSTILE = ("</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<!--", "]]>", "&lt;", "'")


class Read(HTMLParser):
    """What a browser's parser would see: elements with attributes, and text."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def test_the_examples_hold():
    assert doctest.testmod(markup) == (0, 3)
    assert doctest.testmod(words).failed == 0


@given(TEXT | st.sampled_from(HOSTILE), TEXT | st.sampled_from(HOSTILE))
def test_text_comes_back_as_it_went_in(text, attribute):
    read = Read(tag("td", text, data_value=attribute))
    assert read.elements == [("td", {"data-value": attribute})]
    assert read.text == text


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_no_text_makes_an_element(text):
    assert Read(join(text)).elements == []


def test_markup_is_not_escaped_again():
    assert tag("p", tag("b", "<"), [Markup("&amp;"), "&"]) == "<p><b>&lt;</b>&amp;&amp;</p>"


@given(
    st.recursive(
        TEXT | st.sampled_from(HOSTILE), lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
    )
)
def test_data_comes_back_and_cannot_end_its_element(value):
    text = data_block(value)
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_data_holds_no_number_that_json_has_not():
    with pytest.raises(ValueError, match="JSON"):
        data_block(float("nan"))


def test_attributes_that_are_off_are_left_out():
    assert tag("input", checked=True, disabled=False, id=None) == "<input checked>"
    assert tag("rect", x=0, class_="a") == '<rect x="0" class="a"/>'
