"""What may give another answer the next time is found in how SQL was parsed; what may not is let be."""

from __future__ import annotations

import pytest

from warehouse.domain.repeatable import is_fickle, why_not
from warehouse.storage.catalog_work import workspace
from warehouse.storage.parsing import forms, parse, with_definitions


@pytest.fixture(scope="module")
def connection():
    with workspace() as opened:
        yield opened


def reason(connection, expression):
    trees = with_definitions(connection, parse(connection, f"SELECT {expression} FROM images"))
    return why_not(trees, forms(connection))


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("gen_random_uuid()", "gen_random_uuid"),
        ("lower(concat(key, random()))", "random"),
        ("list_transform(types, x -> x || random())", "random"),
        ("age(strptime(StudyDate, '%Y%m%d'))", "age"),
        ("ago(INTERVAL 1 YEAR)", "current_timestamp"),
        ("localtimestamp", "localtimestamp"),
        ('"LocalTime"', "localtime"),
        ("reservoir_quantile(Rows, 0.5)", "reservoir_quantile"),
        ("(FROM range(3) TABLESAMPLE 50%)", "a sample"),
        ("(SELECT 1 FROM images USING SAMPLE reservoir(3 ROWS) REPEATABLE (7))", "a sample"),
        ("first(key)", "first"),
        ("any_value(key)", "any_value"),
        ("string_agg(key)", "string_agg"),
        ("json_group_array(key)", "string_agg"),
        ("row_number() OVER ()", "row_number"),
        ("lag(key) OVER (PARTITION BY patient)", "lag"),
        ("sum(size) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)", "sum"),
        ("(SELECT key FROM images LIMIT 1)", "LIMIT"),
        ("(SELECT key FROM images UNION SELECT '' LIMIT 1)", "LIMIT"),
        ("(SELECT DISTINCT ON (patient) key FROM images)", "DISTINCT ON"),
        ("(SELECT 1 FROM images POSITIONAL JOIN series)", "POSITIONAL JOIN"),
    ],
)
def test_what_may_differ_is_named(connection, expression, named):
    assert reason(connection, expression).startswith(f"{named} ")


@pytest.mark.parametrize(
    "expression",
    [
        "'random()' || \"key\" -- now()",
        "age(TIMESTAMP '2021-01-01', TIMESTAMP '2020-01-01')",
        "dayname(StudyDate::DATE)",
        "StudyDate::DATE + 1",
        "date_trunc('month', StudyDate::TIMESTAMP)",
        "list(key ORDER BY key)",
        "first(key ORDER BY key)",
        "arg_min(key, size)",
        "array_to_string(types, ',')",
        "row_number() OVER (PARTITION BY patient ORDER BY key)",
        "count(*) OVER (PARTITION BY patient)",
        "(SELECT key FROM images ORDER BY key LIMIT 1)",
        "(SELECT DISTINCT ON (patient) key FROM images ORDER BY key)",
        "EXISTS (SELECT DISTINCT patient FROM images)",
        "current_user",
    ],
)
def test_what_is_the_same_every_time_is_let_be(connection, expression):
    assert reason(connection, expression) is None


def test_a_function_is_fickle_by_all_of_its_forms_with_so_many_arguments(connection):
    of = forms(connection)
    assert is_fickle("random", 0, of)
    assert {form.fickle for form in of["year"]} == {True, False}
    assert not is_fickle("year", 1, of)
    assert not is_fickle("concat", 7, of)
    assert not is_fickle("no_such_function", 1, of)
