"""Readers and writers of lines: paths, encodings, ends of lines; files are closed whatever happens."""

import uuid

import pytest

import bonobo
from bonobo.config import use_context
from bonobo.errors import BonoboError
from bonobo.testing import run_node


@pytest.fixture
def fs():
    return bonobo.open_fs(f"memory://{uuid.uuid4()}", create=True)


def put(fs, path, data):
    with fs.open(path, "wb") as file:
        file.write(data)


def content(fs, path):
    with fs.open(path, "rb") as file:
        return file.read()


class Watched:
    """A file system that remembers what it opened."""

    def __init__(self, fs):
        self.fs = fs
        self.opened = []

    def open(self, path, mode, **options):
        self.opened.append(self.fs.open(path, mode, **options))
        return self.opened[-1]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\n\n b", ["a", "", " b"]),
        (b"\xc3\xa9\r\n", ["é\r"]),
    ],
)
def test_lines_are_read(fs, data, lines):
    put(fs, "a.txt", data)
    assert run_node(bonobo.FileReader("a.txt"), services={"fs": fs}).rows == [(line,) for line in lines]


def test_ends_of_lines_and_encodings_may_be_others(fs):
    put(fs, "a.txt", b"a\r\nb\xe9\r\n")
    node = bonobo.FileReader(path="a.txt", eol="\r\n", encoding="latin-1")
    assert run_node(node, services={"fs": fs}).rows == [("a",), ("bé",)]


def test_only_one_end_of_line_is_taken_off(fs):
    put(fs, "a.txt", b"a;;\nb;\nc\n")
    assert run_node(bonobo.FileReader("a.txt", eol=";\n"), services={"fs": fs}).rows == [
        ("a;",),
        ("b",),
        ("c\n",),
    ]


def test_rows_may_be_named(fs):
    put(fs, "a.txt", b"a\n")
    (row,) = run_node(bonobo.FileReader("a.txt", output_fields="line"), services={"fs": fs}).rows
    assert row._asdict() == {"line": "a"}
    (row,) = run_node(bonobo.FileReader("a.txt", output_type=type(row)), services={"fs": fs}).rows
    assert row.line == "a"


def test_rows_are_named_in_one_way(fs):
    put(fs, "a.txt", b"a\n")
    node = bonobo.FileReader("a.txt", output_fields=["a"], output_type=tuple)
    report = run_node(node, services={"fs": fs}, check=False).report
    assert report.exit_code == 2
    assert "not both" in str(report.fatal)


def test_lines_are_written(fs):
    node = bonobo.FileWriter("a.txt")
    assert run_node(node, "a", "é", services={"fs": fs}).rows == [("a",), ("é",)]
    assert content(fs, "a.txt") == b"a\n\xc3\xa9"
    run_node(bonobo.FileWriter("a.txt", eol=" | ", encoding="latin-1"), "é", "b", services={"fs": fs})
    assert content(fs, "a.txt") == b"\xe9 | b"
    run_node(bonobo.FileWriter("a.txt", mode="a"), "c", services={"fs": fs})
    assert content(fs, "a.txt") == b"\xe9 | bc"


def test_rows_that_are_no_line_are_rejected(fs):
    result = run_node(bonobo.FileWriter("a.txt"), "a", 1, ("b", "c"), "d", services={"fs": fs}, check=False)
    assert len(result.errors) == 2
    assert content(fs, "a.txt") == b"a\nd"


def test_another_service_may_be_named(fs):
    put(fs, "a.txt", b"a\n")
    assert run_node(bonobo.FileReader("a.txt", fs="files.main"), services={"files.main": fs}).rows == [("a",)]


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (bonobo.FileReader("no.txt"), "FileReader cannot open 'no.txt': No such file or directory"),
        (bonobo.CsvReader("folder"), "CsvReader cannot open 'folder': Is a directory"),
        (bonobo.CsvWriter("no/a.csv"), "CsvWriter cannot open 'no/a.csv': No such file or directory"),
        (
            bonobo.JsonReader("../a.json"),
            "JsonReader cannot open '../a.json': the path leads out of the root of its file system",
        ),
    ],
)
def test_a_file_that_cannot_be_opened_ends_the_run(tmp_path, node, said):
    (tmp_path / "folder").mkdir()
    report = run_node(node, "row", services={"fs": bonobo.open_fs(tmp_path)}, check=False).report
    assert (type(report.fatal), str(report.fatal), report.exit_code) == (BonoboError, said, 70)


class Locked(OSError):
    exit_code = 75


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (OSError("token s3cr3t is refused"), "FileReader cannot open 'a.txt': OSError", 70),
        (Locked("later"), "later", 75),
    ],
)
def test_what_a_file_system_says_is_its_own_affair(error, said, code):
    class Refusing:
        def open(self, path, mode, **options):
            raise error

    report = run_node(bonobo.FileReader("a.txt"), services={"fs": Refusing()}, check=False).report
    assert (str(report.fatal), report.exit_code) == (said, code)


@pytest.mark.parametrize(
    ("node", "text", "value"),
    [
        (bonobo.FileReader("a.txt"), "é\n", "é"),
        (bonobo.CsvReader("a.txt"), "name\né\n", "é"),
        (bonobo.JsonReader("a.txt"), '["é"]', "é"),
        (bonobo.LdjsonReader("a.txt"), '"é"', "é"),
    ],
)
def test_a_byte_order_mark_is_no_text(fs, node, text, value):
    for encoding in ("utf-8-sig", "utf-8"):
        put(fs, "a.txt", text.encode(encoding))
        (row,) = run_node(node, services={"fs": fs}).rows
        assert row == (value,)
        assert getattr(row, "_fields", ("name",)) == ("name",)


@pytest.mark.parametrize(
    "node", [bonobo.FileWriter("a.txt"), bonobo.JsonWriter("a.txt"), bonobo.CsvWriter("a.txt")]
)
@pytest.mark.parametrize(("last", "code"), [("c", 0), (object(), None), (SystemExit(9), 9)])
def test_files_are_closed_however_the_run_ends(tmp_path, node, last, code, run, gate):
    def rows():
        yield from "ab"
        gate.wait()
        if isinstance(last, SystemExit):
            raise last
        yield last

    watched = Watched(bonobo.open_fs(tmp_path))
    report = run(bonobo.Graph(rows, node, lambda *row: gate.open()), services={"fs": watched})
    assert code is None or report.exit_code == code
    assert [file.closed for file in watched.opened] == [True]


def test_readers_close_their_files(tmp_path, run):
    (tmp_path / "a.txt").write_text("a\nb\n")
    watched = Watched(bonobo.open_fs(tmp_path))

    def fail(line):
        raise SystemExit(9)

    assert run(bonobo.Graph(bonobo.FileReader("a.txt"), fail), services={"fs": watched}).exit_code == 9
    assert [file.closed for file in watched.opened] == [True]


def test_the_working_directory_is_the_default(tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("a\nb\n")
    graph = bonobo.Graph(bonobo.FileReader("a.txt"), str.upper, bonobo.FileWriter("b.txt"))
    assert run(graph).exit_code == 0
    assert (tmp_path / "b.txt").read_text() == "A\nB"


def test_there_is_no_default_for_other_names(run):
    report = run(bonobo.Graph(bonobo.FileReader("a.txt", fs="files")))
    assert report.exit_code == 2
    assert "missing services: files" in str(report.fatal)


def test_subclasses_with_and_without_a_context(fs):
    class Words(bonobo.FileReader):
        def read(self, file, *, fs):
            for line in file:
                yield from line.split()

        __call__ = read

    @use_context
    class Numbered(bonobo.FileWriter):
        def write(self, file, context, line, *, fs):
            context.setdefault("number", 0)
            context.number += 1
            file.write(f"{context.number} {line}\n")

        __call__ = write

    class Plain(bonobo.FileWriter):
        def write(self, file, line, *, fs):
            file.write(line + "\n")

        __call__ = write

    put(fs, "a.txt", b"to be\nor not\n")
    words = run_node(Words("a.txt"), services={"fs": fs}).rows
    assert words == [("to",), ("be",), ("or",), ("not",)]
    run_node(Numbered("b.txt"), *words, services={"fs": fs})
    run_node(Plain("c.txt"), *words, services={"fs": fs})
    assert content(fs, "b.txt") == b"1 to\n2 be\n3 or\n4 not\n"
    assert content(fs, "c.txt") == b"to\nbe\nor\nnot\n"
