"""What the documents say is so: commands exist, links lead somewhere, generated pages are current."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import click
import pytest

import bonobo.cli
import warehouse.cli
from bonobo.graph import name_of
from support import load, raw_drop
from warehouse import config, warehouseloader
from warehouse.commands import load as load_command
from warehouse.demo import CONFIGURATION
from warehouse.domain.reasons import REASONS
from warehouse.settings import read_settings
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.memory import MemoryStore

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
COMMANDS: dict[str, click.Command] = {"warehouse": warehouse.cli.cli, "bonobo": bonobo.cli.main}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_COMMAND = re.compile(r"(?:warehouse|bonobo)(?: |$)|bin/\w")
_PATH = re.compile(r"(?:bonobo|warehouse|docs|tests|bin|benchmarks|\.ci)/[\w./-]*")

# Where packages come from, and whose machine this is, is nobody's business but the reader's own.
_REGISTRY = re.compile(r"pypi\.|pythonhosted|--(?:extra-)?index-url|--trusted-host|artifactory|devpi")
_MACHINE = re.compile(r"(?<![\w.:/])/(?:home|root|Users|work|tmp|var/folders|mnt|opt)/|[A-Z]:\\")


class Shown(NamedTuple):
    """A command line as a page shows it; in running text it may be named without its arguments."""

    words: tuple[str, ...]
    named: bool


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    return _FENCE.sub("", text_of(page))


def command_lines(page: Path) -> Iterator[Shown]:
    """Command lines in code blocks and in running text; what stands in brackets counts as given."""
    blocks = [line.strip() for _, block in _FENCE.findall(text_of(page)) for line in block.splitlines()]
    for line in blocks:
        yield from (Shown(words, named=False) for words in _commands(line.removeprefix("$ ")))
    for text in _INLINE.findall(prose(page)):
        yield from (Shown(words, named=True) for words in _commands(text))


def _commands(line: str) -> Iterator[tuple[str, ...]]:
    if not _COMMAND.match(line):
        return
    words = shlex.split(re.sub(r"\[([^]]*)\]", r"\1", line), comments=True)
    pipeline: list[list[str]] = [[]]
    for word in words:
        if word in ("|", "&&", ";"):
            pipeline.append([])
        else:
            pipeline[-1].append(word)
    for command in pipeline:
        bare = command[: next((i for i, word in enumerate(command) if word in (">", "2>", ">>")), None)]
        if bare and _COMMAND.match(" ".join(bare)):
            yield tuple(bare)


def problem(words: tuple[str, ...], *, named: bool = False) -> str | None:
    """Why a command line would be refused before its values are looked at; None if it would not."""
    if words[0].startswith("bin/"):
        return None if (ROOT / words[0]).is_file() else "there is no such script"
    command, rest = COMMANDS[words[0]], list(words[1:])
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(click.Context(command), rest[0])
        itself = getattr(command, "itself", None)
        if found is None and itself is None:
            return f"there is no command {rest[0]}"
        command, rest = (found, rest[1:]) if found is not None else (itself, rest)
    if isinstance(command, click.Group) and not rest and not named:
        return "it does nothing without a command"
    return _refusal(command, rest, named=named)


def _refusal(command: click.Command, arguments: list[str], *, named: bool) -> str | None:
    try:
        values, left, _ = command.make_parser(click.Context(command)).parse_args(arguments)
    except click.UsageError as error:
        return error.format_message()
    if left:
        return f"too many arguments: {left}"
    required = [one.name for one in command.params if isinstance(one, click.Argument) and one.required]
    missing = [name for name in required if not isinstance(values.get(str(name)), str | tuple)]
    return f"missing arguments: {missing}" if missing and not named else None


def test_right_command_lines_are_let_be() -> None:
    lines = ("warehouse load d --dry-run --concurrency 8", "warehouse config check BUCKET|FILE", "bin/demo d")
    for line in (*lines, "bonobo inspect --graph FILE", "warehouse --version"):
        assert problem(tuple(line.split())) is None, line
    assert problem(("warehouse", "header"), named=True) is None


def test_wrong_command_lines_are_found() -> None:
    wrong = ("warehouse lode d", "warehouse load d --fast", "warehouse load d e", "warehouse header")
    for line in (*wrong, "bin/nothing", "bonobo run FILE --env", "warehouse config", "warehouse --fast"):
        assert problem(tuple(line.split())) is not None, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    found = [(shown.words, problem(shown.words, named=shown.named)) for shown in command_lines(page)]
    assert [(words, why) for words, why in found if why] == []


def test_the_readme_shows_every_command() -> None:
    shown = {" ".join(one.words) for one in command_lines(ROOT / "README.md")}
    wanted = [f"warehouse {name}" for name in warehouse.cli.MODULES] + ["bin/demo", "bin/test"]
    assert [name for name in wanted if not any(line.startswith(name) for line in shown)] == []


def test_the_pages_name_every_option_of_load() -> None:
    options = [
        name
        for parameter in load_command.load.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
    ]
    told = text_of(ROOT / "README.md") + text_of(ROOT / "docs/configuration.md")
    assert [name for name in options if name not in told] == []


def anchors(page: Path) -> set[str]:
    titles = (
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in _HEADING.findall(prose(page))
    )
    return set(titles)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    named = {text for text in _INLINE.findall(prose(page)) if _PATH.fullmatch(text)}
    assert [text for text in sorted(named) if not (ROOT / text).exists()] == []


def committed_text() -> list[Path]:
    names = ["setup.py", "requirements.lock", "tox.ini", "pyproject.toml", "config.sample.json", ".ci/run"]
    scripts = [path for path in (ROOT / "bin").iterdir() if path.is_file()]
    code = [path for folder in ("bonobo", "warehouse", "docs") for path in (ROOT / folder).rglob("*.py")]
    return [*PAGES, *(ROOT / name for name in names), *scripts, *code]


def test_nothing_names_a_registry_or_a_machine() -> None:
    assert [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in committed_text()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if _REGISTRY.search(line) or _MACHINE.search(line)
    ] == []


def test_registries_and_machines_are_found() -> None:
    assert _REGISTRY.search("pip install --index-url https://packages.example/simple")
    assert _REGISTRY.search("--trusted-host packages.example")
    assert _MACHINE.search("see /home/ada/warehouse")
    assert not _REGISTRY.search("pip-compile --no-emit-index-url --no-emit-trusted-host --output-file x")
    assert not _MACHINE.search("file:///path, s3://bucket/home/, https://example.org/tmp/x")


def test_the_sample_configuration_is_valid_and_complete() -> None:
    data = (ROOT / "config.sample.json").read_bytes()
    parsed = config.parse(data)
    assert parsed.warnings == ()
    assert set(parsed.sites.values()) == set(config.TREATMENTS)
    described = {row.split("`")[1] for row in _rows(ROOT / "docs/configuration.md", "## config.json")}
    assert set(json.loads(data)) == described


def _rows(page: Path, heading: str) -> list[str]:
    section = text_of(page).split(heading, 1)[1].split("\n## ", 1)[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def test_every_variable_in_the_settings_table_is_read() -> None:
    names = [
        name
        for row in _rows(ROOT / "docs/configuration.md", "## Settings")
        for name in re.findall(r"`([A-Z][A-Z_0-9]+)`", row.split("|")[1])
    ]
    assert "WAREHOUSE_BUCKET" in names
    sources = "".join(
        path.read_text() for folder in ("bonobo", "warehouse") for path in (ROOT / folder).rglob("*.py")
    )
    assert [name for name in names if name not in sources] == []


def test_the_copy_modes_are_described() -> None:
    for row in _rows(ROOT / "docs/s3.md", "## Copies"):
        mode = row.split("`")[1]
        settings = read_settings({"WAREHOUSE_BUCKET": "s3://bucket", "WAREHOUSE_S3_COPY": mode})
        assert settings.copy_mode == mode
    assert len(_rows(ROOT / "docs/s3.md", "## Copies")) == 4


def test_the_index_of_decisions_is_complete() -> None:
    folder = ROOT / "docs/decisions"
    pages = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    listed = [link for link in _LINK.findall(text_of(folder / "README.md")) if link[0].isdigit()]
    assert listed == pages
    for name in pages:
        text = text_of(folder / name)
        assert text.startswith(f"# {name[:4]}: ")
        assert _HEADING.findall(text)[1:] == ["Context", "Choice", "Consequence"]


def test_the_page_of_reasons_is_current() -> None:
    specification = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert specification is not None
    assert specification.loader is not None
    generate = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generate)
    page: str = generate.reasons_page()
    assert text_of(ROOT / "docs/reasons.md") == page, "run: python docs/generate.py"
    assert [code for code in REASONS if f"| `{code}` |" not in page] == []


def test_the_picture_shows_the_graph_as_it_is() -> None:
    picture = ElementTree.parse(ROOT / "docs/pipeline.svg").getroot()
    groups = [one for one in picture.iter("{http://www.w3.org/2000/svg}g") if one.get("class") == "node"]
    drawn = {"".join(part.itertext()) for one in groups for part in one if part.tag.endswith("}text")}
    nodes = {name_of(node) for node in warehouseloader.get_graph(1)}
    assert nodes <= drawn, "draw it again, as CONTRIBUTING.md says"
    assert len(drawn - nodes) <= 2


def test_the_readme_shows_what_the_demo_prints() -> None:
    (shown,) = [block for _, block in _FENCE.findall(text_of(ROOT / "README.md")) if "raw objects" in block]
    store = MemoryStore()
    store.put("config.json", json.dumps(CONFIGURATION).encode())
    for key, data in raw_drop():
        store.put(key, data)
    assert load(store, MemoryCatalog()).summary.startswith(shown.rstrip("\n"))
