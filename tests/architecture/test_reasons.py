"""Every reason that the code gives stands in the one table of reasons, under the outcome that it explains."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Decided

ROOT = Path(__file__).resolve().parents[2]
WAREHOUSE = ROOT / "warehouse"
TABLE = WAREHOUSE / "domain/reasons.py"

# Calls whose one text is a reason.
REJECTIONS = frozenset({"Rejection", "Refused"})

# Domain functions that give a reason by returning its text, None or something else that is no text.
GIVES_REASONS = {
    "domain/split.py": {"decide"},
    "domain/clinical.py": {"parse"},
    "domain/identity.py": {"refusal"},
    "domain/keys.py": {"_ignored"},
}

# Set from outside the loader, by whoever wants another look.
GIVEN_BY_HAND = {"retry"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def sources() -> list[Path]:
    return [path for path in sorted(WAREHOUSE.rglob("*.py")) if path != TABLE]


def texts(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.IfExp(body=body, orelse=orelse):
                yield from texts([body, orelse])


def outcomes(nodes: Iterable[ast.expr]) -> list[Decided]:
    return [
        Decided[node.attr]
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Decided"
    ]


def given(tree: ast.Module) -> Iterator[tuple[str, Decided | None]]:
    """The reasons in a module, each with the outcome that stands beside it, if one does."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in REJECTIONS:
                yield from ((text, Decided.QUARANTINED) for text in texts(arguments))
            case ast.Call(args=arguments):
                yield from _beside(arguments)
            case ast.Tuple(elts=elements):
                yield from _beside(elements)


def _beside(nodes: list[ast.expr]) -> Iterator[tuple[str, Decided]]:
    found = outcomes(nodes)
    if len(found) == 1:
        yield from ((text, found[0]) for text in texts(nodes))


def returned(path: Path, functions: set[str]) -> set[str]:
    definitions = [
        node
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef) and node.name in functions
    ]
    assert {node.name for node in definitions} == functions, f"{path.name} has changed: mend this table"
    returns = [node for definition in definitions for node in ast.walk(definition)]
    return set(texts(node.value for node in returns if isinstance(node, ast.Return) and node.value))


def test_the_reasons_in_a_module_are_found() -> None:
    source = (
        "outcome(row, Decided.QUARANTINED, 'a')\nx = (Error, Decided.DEFERRED, 'b')\nRejection('c')\n"
        "print('d', Decided)\noutcome(row, Decided.LOADED, 'e' if x else 'f')\n"
    )
    assert sorted(given(ast.parse(source)), key=str) == [
        ("a", Decided.QUARANTINED),
        ("b", Decided.DEFERRED),
        ("c", Decided.QUARANTINED),
        ("e", Decided.LOADED),
        ("f", Decided.LOADED),
    ]


def test_every_reason_beside_an_outcome_is_in_the_table_under_that_outcome() -> None:
    found = [(path.name, text, decided) for path in sources() for text, decided in given(tree_of(path))]
    assert len({text for _, text, _ in found}) > 10
    assert [one for one in found if one[1] not in REASONS or REASONS[one[1]].decided is not one[2]] == []


def test_every_reason_that_a_decision_returns_is_in_the_table() -> None:
    found = set().union(*(returned(WAREHOUSE / name, names) for name, names in GIVES_REASONS.items()))
    assert {"no-site", "invalid-json", "invalid-identity", "nested"} <= found
    assert found - REASONS.keys() == set()


def test_every_reason_in_the_table_is_given_somewhere() -> None:
    constants = {
        node.value
        for path in sources()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert REASONS.keys() - constants - GIVEN_BY_HAND == set()


def test_each_reason_is_told_in_words() -> None:
    assert [code for code, reason in REASONS.items() if not reason.meaning or not reason.remedy] == []
    assert [code for code, reason in REASONS.items() if reason.decided is Decided.LOADED] == []
