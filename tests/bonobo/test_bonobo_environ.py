"""The environment of a run: which source of a variable wins, how files are read, and that all comes back."""

import argparse
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bonobo
from bonobo.environ import OPTIONS, Layers, environment, parse_variable, read_variables
from bonobo.errors import UsageError

SECRET = "s3cr3t"

NAMES = st.text(st.characters(exclude_characters="=\0", exclude_categories=("Cs", "Z", "Cc")), min_size=1)
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))

ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r"})


@pytest.fixture
def variables(tmp_path):
    """Write an environment file."""

    def write(content, name="variables.env"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(file)

    return write


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=", ""),
        ("A=b", "b"),
        ("A=b c", "b c"),
        ("A=b=c", "b=c"),
        ("A= b ", " b "),
        ("A='b c'", "b c"),
        ('A="b c"', "b c"),
        ('A="it\'s"', "it's"),
        ("A='b\"", "'b\""),
        ("A='", "'"),
        ("A=''", ""),
        (r"A='a\tb\n'", "a\tb\n"),
        (r'A="\"\\"', '"\\'),
        (r"A=a\tb", r"a\tb"),
        (r"A='\d\q'", r"\d\q"),
        (r"A='\x41\101\u00e9\U0001F600'", "AAé😀"),
        (r"A='é\n'", "é\n"),
        ("A=naïve 日本", "naïve 日本"),
    ],
)
def test_a_variable(text, value):
    assert parse_variable(text) == ("A", value)


@pytest.mark.parametrize("text", ["", "A", "=b", "A B=c", "A\n=b", "A=b\0", r"A='\0'", r"A='\ud800'"])
def test_what_is_no_variable(text):
    with pytest.raises(UsageError):
        parse_variable(text)


@given(NAMES, VALUES)
def test_any_value_survives_quoting(name, value):
    assert parse_variable(f'{name}="{value.translate(ESCAPED)}"') == (name, value)


@given(NAMES, VALUES.filter(lambda value: value[:1] + value[-1:] not in ('""', "''")))
def test_any_value_without_quotes_is_taken_as_it_is(name, value):
    assert parse_variable(f"{name}={value}") == (name, value)


@given(st.dictionaries(NAMES.filter(lambda name: not name.startswith("#")), VALUES))
def test_any_file_gives_back_what_was_written(tmp_path_factory, wanted):
    file = tmp_path_factory.mktemp("environ") / "variables.env"
    lines = [f'{name}="{value.translate(ESCAPED)}"\n' for name, value in wanted.items()]
    file.write_text("".join(lines), encoding="utf-8", newline="")
    assert dict(read_variables(str(file))) == wanted


def test_a_file(variables):
    content = '\ufeff# who\r\n\r\nA=1\n  B = two words  \n# C=3\nexport D="4 # 5"\nE=a # b\nF=#\n'
    assert read_variables(variables(content)) == [
        ("A", "1"),
        ("B", "two words"),
        ("D", "4 # 5"),
        ("E", "a # b"),
        ("F", "#"),
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (f"A=1\n{SECRET}\n", 2),
        (f"A=1\n\n={SECRET}", 3),
        (f"A B={SECRET}", 1),
        (b"A=1\nB=" + SECRET.encode() + b"\xff\n", 2),
    ],
)
def test_a_wrong_line_is_named_and_not_shown(variables, content, line):
    path = variables(content)
    with pytest.raises(UsageError) as raised:
        read_variables(path)
    assert str(raised.value).startswith(f"{path}, line {line}: ")
    assert SECRET not in str(raised.value)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("path", ["nowhere/at/all.env", ".", "\0"])
def test_a_file_that_cannot_be_read_is_named(path):
    with pytest.raises(UsageError, match="cannot be read: "):
        read_variables(path)


def test_a_pipe_is_read_where_somebody_writes(tmp_path, in_time):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    with pytest.raises(UsageError, match=r"pipe' cannot be read: nobody writes to this pipe"):
        in_time(read_variables, path)
    reader, writer = os.pipe()
    late = threading.Timer(0.1, lambda: (os.write(writer, b"A=1\nB=2"), os.close(writer)))
    late.start()
    assert in_time(read_variables, f"/dev/fd/{reader}") == [("A", "1"), ("B", "2")]
    os.close(reader)
    late.join()


def test_each_source_of_a_variable_gives_way_to_the_one_before(variables):
    layers = Layers(
        env=("A=env",),
        env_file=(variables("A=file\nB=file\nC=file\n", "env"),),
        default_env=("A=default", "B=default", "C=default", "D=default", "E=default"),
        default_env_file=(variables("D=default file\nF=default file\n", "default"),),
    )
    assert layers.changes({"C": "system", "E": "system"}) == {
        "A": "env",
        "B": "file",
        "C": "file",
        "D": "default",
        "F": "default file",
    }


def test_of_one_source_the_first_default_counts_and_else_the_last(variables):
    first, second = variables("A=1\nA=2\n", "first"), variables("A=3\n", "second")
    assert Layers(default_env=("A=1", "A=2")).changes({}) == {"A": "1"}
    assert Layers(default_env_file=(first, second)).changes({}) == {"A": "1"}
    assert Layers(env=("A=1", "A=2")).changes({}) == {"A": "2"}
    assert Layers(env_file=(second, first)).changes({}) == {"A": "2"}


def test_a_variable_that_is_set_to_nothing_is_set():
    assert Layers(default_env=("A=1",)).changes({"A": ""}) == {}


@pytest.mark.parametrize(("name", "flag"), [("env", "-e/--env"), ("default_env", "--default-env")])
def test_an_option_that_makes_no_sense_is_named(name, flag):
    with pytest.raises(UsageError, match=f"^{flag}: "):
        Layers(**{name: (SECRET,)}).changes({})


def test_the_environment_comes_back_whatever_happens(monkeypatch):
    monkeypatch.setenv("BONOBO_TEST_SET", "before")
    monkeypatch.delenv("BONOBO_TEST_UNSET", raising=False)
    before = dict(os.environ)
    layers = Layers(env=("BONOBO_TEST_SET=1", "BONOBO_TEST_UNSET=2", "BONOBO_TEST_LOST=3"))

    def fail():
        assert os.environ["BONOBO_TEST_SET"] + os.environ["BONOBO_TEST_UNSET"] == "12"
        del os.environ["BONOBO_TEST_LOST"]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), environment(layers):
        fail()
    assert dict(os.environ) == before


def test_nothing_is_set_where_one_source_is_wrong():
    before = dict(os.environ)
    with pytest.raises(UsageError), environment(Layers(env=("BONOBO_TEST_SET=1", "wrong"))):
        pass
    assert dict(os.environ) == before


ARGUMENTS = ["--limit", "3", "-e", "BONOBO_TEST_A=1", "--default-env", "BONOBO_TEST_B=2"]


def parser():
    parser = bonobo.get_argument_parser(argparse.ArgumentParser())
    parser.add_argument("--limit", type=int)
    return parser


def test_a_parser_reads_the_command_line(monkeypatch, variables):
    monkeypatch.setattr("sys.argv", ["graph.py", *ARGUMENTS, "-E", variables("BONOBO_TEST_C=3")])
    with bonobo.parse_args(parser()) as options:
        assert options == {"limit": 3}
        assert [os.environ[f"BONOBO_TEST_{name}"] for name in "ABC"] == ["1", "2", "3"]
    assert not any(name.startswith("BONOBO_TEST_") for name in os.environ)


def test_options_that_were_parsed_already():
    namespace = parser().parse_args(ARGUMENTS)
    for mixed in (namespace, vars(namespace)):
        with bonobo.parse_args(mixed) as options:
            assert options == {"limit": 3}
            assert os.environ["BONOBO_TEST_A"] == "1"
    assert namespace.env == ["BONOBO_TEST_A=1"]


def test_without_a_parser_there_are_the_options_of_the_environment(monkeypatch):
    monkeypatch.setattr("sys.argv", ["graph.py", "--env", "BONOBO_TEST_A=1"])
    with bonobo.parse_args() as options:
        assert (options, os.environ["BONOBO_TEST_A"]) == ({}, "1")


def test_every_option_is_repeatable():
    for name, (flags, _, _) in OPTIONS.items():
        for flag in flags:
            assert getattr(parser().parse_args([flag, "A=1", flag, "B=2"]), name) == ["A=1", "B=2"]
