"""Drawings of graphs: of the kind that the ending names, whole or not at all."""

import os
import shutil
import stat

import pytest

import bonobo
from bonobo.dot import ENDINGS, dot, draw
from bonobo.errors import BonoboError, UsageError

BEGINNINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".dot": b"digraph {"}


@pytest.fixture
def graph():
    return bonobo.Graph("ab", print)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a program in the place of Graphviz's `dot`; None leaves none."""

    def program(script=None):
        folder = tmp_path / "programs"
        folder.mkdir()
        if script is not None:
            (folder / "dot").write_text(f"#!/bin/sh\n{script}\n")
            (folder / "dot").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return program


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("ending", ENDINGS)
def test_each_kind(graph, tmp_path, ending):
    file = tmp_path / f"graph{ending.upper()}"
    draw(graph, file)
    assert file.read_bytes().startswith(BEGINNINGS[ending])
    assert list(tmp_path.iterdir()) == [file]


def test_names_of_any_kind_can_be_drawn(tmp_path):
    node = type('"\\quoted\\" <b>\n{é}', (), {})
    draw(bonobo.Graph("ab", node), tmp_path / "graph.dot")
    text = (tmp_path / "graph.dot").read_text(encoding="utf-8")
    assert r'1 [label="\"\\quoted\\\" <b>\\n{é}"]' in text


def test_what_is_drawn_is_what_is_printed(graph, tmp_path, capsys):
    bonobo.inspect(graph)
    bonobo.inspect(graph, output=str(tmp_path / "graph.dot"))
    assert capsys.readouterr().out == (tmp_path / "graph.dot").read_text() == dot(graph) + "\n"


def test_the_picture_is_what_dot_says(graph, tmp_path, program):
    program('echo "$@"; while read -r line; do echo "$line"; done')
    draw(graph, tmp_path / "graph.svg")
    arguments, *lines = (tmp_path / "graph.svg").read_text().splitlines()
    assert "-Tsvg" in arguments
    assert lines == [line.strip() for line in dot(graph).splitlines()]


def test_a_drawing_replaces_another_through_a_link(graph, tmp_path):
    real, link = tmp_path / "real", tmp_path / "graph.dot"
    real.write_text("old")
    link.symlink_to(real)
    draw(graph, link)
    assert link.is_symlink()
    assert real.read_text().startswith("digraph {")


def test_others_may_read_a_drawing_as_any_file(graph, tmp_path):
    before = os.umask(0o022)
    try:
        draw(graph, tmp_path / "graph.dot")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "graph.dot").stat().st_mode) == 0o644


@pytest.mark.parametrize("name", ["graph", "graph.jpeg", "graph.png.txt", ".svg"])
def test_another_ending_is_refused(graph, tmp_path, name):
    with pytest.raises(UsageError, match=r"one of \.png, \.svg, \.pdf, \.dot"):
        draw(graph, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_without_graphviz_it_says_what_to_install(graph, tmp_path, program):
    program()
    with pytest.raises(UsageError, match="install Graphviz"):
        draw(graph, tmp_path / "graph.png")
    draw(graph, tmp_path / "graph.dot")
    assert not (tmp_path / "graph.png").exists()


def test_where_dot_fails_the_old_drawing_stays(graph, tmp_path, program, capfd):
    (tmp_path / "graph.png").write_text("old")
    program("echo half; echo wrong >&2; exit 3")
    with pytest.raises(BonoboError, match="dot could not draw the graph"):
        draw(graph, tmp_path / "graph.png")
    assert (tmp_path / "graph.png").read_text() == "old"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("place", ["nowhere/graph.dot", "file/graph.dot"])
def test_a_place_that_does_not_exist_is_refused(graph, tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="the drawing cannot be written to"):
        draw(graph, tmp_path / place)


def test_a_drawing_that_cannot_be_put_in_its_place_leaves_nothing(graph, tmp_path):
    (tmp_path / "graph.dot").mkdir()
    with pytest.raises(BonoboError, match="the drawing could not be written to"):
        draw(graph, tmp_path / "graph.dot")
    assert [path.name for path in tmp_path.iterdir()] == ["graph.dot"]
