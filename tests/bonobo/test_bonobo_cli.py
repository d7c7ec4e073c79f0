"""The command as a person runs it, in processes of its own: exit codes, output, signals, environment."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import bonobo.cli
from bonobo.loading import Target, drawn, importable

ROOT = Path(__file__).parents[2]
DEADLINE = 60


@pytest.fixture
def process(tmp_path):
    """Start processes in the test's folder; none outlives the test, whatever becomes of it."""
    begun = []

    def process(*arguments, env=None, command=(sys.executable, "-m", "bonobo")):
        surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(env or {})}
        popen = subprocess.Popen(
            [*command, *arguments],
            cwd=tmp_path,
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(popen)
        return popen

    yield process
    for popen in begun:
        popen.kill()
        popen.communicate()


class Ended:
    def __init__(self, popen):
        try:
            self.out, self.err = popen.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            pytest.fail(f"still running after {DEADLINE} s")
        self.code = popen.returncode


@pytest.fixture
def cli(process):
    def cli(*arguments, **options):
        return Ended(process(*arguments, **options))

    return cli


@pytest.fixture
def write(tmp_path):
    def write(text, name="graph.py"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return name

    return write


TWO_FUNCTIONS = """
    import bonobo

    @bonobo.use("word")
    def greet(name, *, word):
        print(word, name)

    def get_graph():
        return bonobo.Graph(["Ada", "Grace"], greet)

    def get_services():
        return {"word": "Hello"}
"""

SCRIPT = """
    import sys
    import bonobo

    def get_services():
        print("services were built")
        return {}

    if __name__ == "__main__":
        print("arguments", len(sys.argv))
        parser = bonobo.get_argument_parser()
        with bonobo.parse_args(parser) as options:
            bonobo.run(bonobo.Graph([1], print, lambda: 1 / 0), services=get_services())
"""

DOT = 'digraph {\n    rankdir=LR\n    BEGIN [shape=point]\n    0 [label="list"]\n    1 [label="greet"]\n'


class TestRun:
    def test_a_file_with_two_functions(self, cli, write):
        ended = cli("run", write(TWO_FUNCTIONS))
        assert (ended.code, ended.out) == (0, "Hello Ada\nHello Grace\n")
        assert ended.err == " - list in=1 out=2 [done]\n - greet in=2 out=0 [done]\n"

    def test_quietly(self, cli, write):
        ended = cli("run", "-q", write(TWO_FUNCTIONS))
        assert (ended.code, ended.out, ended.err) == (0, "Hello Ada\nHello Grace\n", "")

    def test_a_file_that_runs_by_itself(self, cli, write):
        ended = cli("run", write(SCRIPT.replace("lambda: 1 / 0", "lambda x: 1 / 0")))
        assert ended.code == 0
        assert ended.out == "arguments 1\nservices were built\n1\n"
        assert ended.err.count("[done]") == 3

    def test_the_same_file_without_the_command(self, process, write):
        ended = Ended(process(write(SCRIPT), command=(sys.executable,)))
        assert ended.code == 0
        assert ended.out == "arguments 1\nservices were built\n1\n"

    def test_the_exit_code_of_a_run_inside_a_file(self, cli, write):
        failing = "import bonobo\nbonobo.run(bonobo.Graph([0], lambda x: 1 / x))\n"
        assert cli("run", write(failing)).code == 1
        assert cli("run", write(failing + "raise SystemExit(5)")).code == 5
        assert cli("run", write(failing + "bonobo.run(bonobo.Graph([0], print))")).code == 1

    def test_a_folder_and_what_lies_beside_it(self, cli, write):
        write("WORD = 'Bonjour'", "job/words.py")
        write(TWO_FUNCTIONS.replace('"Hello"', '__import__("words").WORD'), "job/__main__.py")
        assert cli("run", "job").out == "Bonjour Ada\nBonjour Grace\n"

    def test_a_module(self, cli, write):
        write("", "package/__init__.py")
        write("WORD = 'Salut'", "package/words.py")
        write("from .words import WORD\n" + textwrap.dedent(TWO_FUNCTIONS), "package/job.py")
        ended = cli("run", "-m", "package.job")
        assert (ended.code, ended.out) == (0, "Hello Ada\nHello Grace\n")

    def test_a_file_in_a_package_imports_its_package_and_not_its_folder(self, cli, write):
        write("", "package/__init__.py")
        write("raise AssertionError('the wrong json')", "package/json.py")
        write("WORD = 'Salut'", "package/words.py")
        text = "import json\nfrom package.words import WORD\n" + textwrap.dedent(TWO_FUNCTIONS)
        assert cli("run", write(text, "package/job.py")).code == 0

    def test_a_report(self, cli, write, tmp_path):
        cli("run", write(TWO_FUNCTIONS), "--report", "report.json")
        report = json.loads((tmp_path / "report.json").read_text())
        assert [node["in"] for node in report["nodes"]] == [1, 2]

    def test_services_that_fail_are_in_the_report(self, cli, write, tmp_path):
        ended = cli(
            "run", write(TWO_FUNCTIONS.replace('{"word": "Hello"}', "1 / 0")), "--report", "report.json"
        )
        assert ended.code == 70
        assert ended.err.splitlines()[-1] == "error: internal error: ZeroDivisionError at __main__:12"
        assert json.loads((tmp_path / "report.json").read_text())["fatal"] == "ZeroDivisionError"

    def test_the_environment_holds_while_it_runs(self, cli, write):
        text = TWO_FUNCTIONS.replace('"Hello"', '__import__("os").environ["WORD"]')
        assert cli("run", write(text), "-e", "WORD=Hi", "--env", "OTHER=x=y").out == "Hi Ada\nHi Grace\n"

    @pytest.mark.parametrize(
        ("text", "code", "message"),
        [
            ("raise SystemExit(3)", 3, ""),
            ("", 2, "error: nothing to run: define get_graph(), or call bonobo.run(...) under __main__\n"),
            ("def get_graph(): return 3", 2, "error: get_graph() must return a bonobo.Graph, not int\n"),
            (
                "import bonobo\ndef get_graph(): return bonobo.Graph([1])\nget_services = 3",
                2,
                "error: get_services must be a function, not int\n",
            ),
            (
                "import bonobo\ndef get_graph(): return bonobo.Graph([1])\ndef get_services(name): ...",
                2,
                "error: get_services needs arguments: give them defaults",
            ),
            (
                "import nowhere_at_all",
                2,
                "graph.py, line 1: cannot import what the graph needs: No module named",
            ),
            ("def", 2, "line 1: invalid syntax\n"),
            ("1 / 0", 70, "error: internal error: ZeroDivisionError at __main__:1\n"),
        ],
    )
    def test_a_file_that_does_not_load(self, cli, write, text, code, message):
        ended = cli("run", write(text))
        assert ended.code == code
        assert message in ended.err
        assert "Traceback" not in ended.err
        assert ("Traceback" in cli("run", "-v", write(text)).err) is bool(message)

    @pytest.mark.parametrize(
        "arguments", [[], ["nowhere.py"], ["graph.py", "-m", "x"], ["graph.py", "-e", "x"], ["-m", "nowhere"]]
    )
    def test_usage(self, cli, write, arguments):
        write(TWO_FUNCTIONS)
        ended = cli("run", *arguments)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("error: ")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--memory", "0"], "--memory: a size must be 1 byte or more"),
            (["--memory", "much"], "--memory: a size is a number of bytes"),
            (["--max-errors", "many"], "--max-errors: max_errors must be"),
            (["--memory", "9" * 5000], "--memory: a size is a number of bytes"),
            (["--memory", "99999999T"], "--memory: a size must be 1 byte or more, and less than 8 EiB"),
            (["--max-errors", "9" * 5000], "--max-errors: max_errors must be"),
            (["--max-errors", "1_0%"], "--max-errors: max_errors must be"),
            (["--report", ""], "--report: name a file"),
            (["--dead-letters", ""], "--dead-letters: name a file"),
            (["--limit", "3"], "--limit"),
            (["--install"], "--install"),
            (["3"], "what is meant for the graph goes behind --"),
            (["-q", "-v"], "--quiet and --verbose exclude each other"),
            (["-e", "x"], "-e/--env: an environment variable is given as NAME=VALUE"),
            (["--env-file", "nowhere.env"], "'nowhere.env' cannot be read: No such file or directory"),
            (["-E", "wrong.env"], "wrong.env, line 2: an environment variable is given as NAME=VALUE"),
        ],
    )
    def test_an_option_that_makes_no_sense_is_named(self, cli, write, arguments, message):
        write("A=1\ns3cr3t\n", "wrong.env")
        ended = cli("run", write(TWO_FUNCTIONS), *arguments)
        assert (ended.code, ended.out) == (2, "")
        assert message in ended.err
        assert "s3cr3t" not in ended.err
        assert "9" * 100 not in ended.err

    def test_the_sources_of_the_environment(self, cli, write):
        text = """
            import os
            import bonobo

            def get_graph():
                return bonobo.Graph([os.environ[name] for name in ("A", "B", "C", "D", "E")], print)
        """
        write("A=file\nB=two words\n", "job.env")
        write('export E="naïve\\n"\n', "default.env")
        arguments = ("--env", "A=flag=1", "--env-file", "job.env", "--default-env", "C=default")
        arguments += ("--default-env", "D=default", "-E", "default.env")
        ended = cli("run", *arguments, write(text), env={"B": "system", "C": "system"})
        assert (ended.code, ended.out) == (0, "flag=1\ntwo words\nsystem\ndefault\nnaïve\n\n")

    def test_what_stands_behind_the_dashes_is_for_the_graph(self, cli, write):
        text = """
            import os
            import bonobo

            def get_graph(*, limit, **rest):
                return bonobo.Graph(range(limit), print)

            if __name__ == "__main__":
                parser = bonobo.get_argument_parser()
                parser.add_argument("--limit", type=int, default=1)
                parser.add_argument("rest", nargs="*")
                with bonobo.parse_args(parser) as options:
                    print(os.environ.get("WORD"), options)
                    bonobo.run(get_graph(**options))
        """
        wanted = "inner {'limit': 2, 'rest': ['a b', '-x']}\n0\n1\n"
        arguments = ("--", "--limit", "2", "-e", "WORD=inner", "a b", "--", "-x")
        assert cli("run", write(text), "-e", "WORD=outer", *arguments).out == wanted
        assert cli("run", "-m", "graph", *arguments).out == wanted
        assert cli("run", "graph.py", "-e", "WORD=outer").out == "outer {'limit': 1, 'rest': []}\n0\n"
        drawn = cli("inspect", "-g", "graph.py", "--", "--limit", "many")
        assert drawn.code == 2
        assert "invalid int value: 'many'" in drawn.err

    def test_what_the_run_is_told(self, cli, write, tmp_path):
        text = """
            import bonobo

            def get_graph():
                strict = bonobo.parallel(lambda x: 1 // x, on_error="dead_letter")
                return bonobo.Graph([0] * 10, strict)
        """
        flags = ("--memory", "1MiB", "--max-errors", "5", "--dead-letters", "rows.jsonl")
        ended = cli("run", write(text), *flags)
        assert ended.code == 70
        letters = (tmp_path / "rows.jsonl").read_text().splitlines()
        assert [json.loads(line)["row"] for line in letters] == [[0]] * 6

    def test_a_graph_may_go_to_another_folder(self, cli, write, tmp_path):
        text = """
            import os
            import bonobo

            def share(x):
                return 12 // x

            def get_graph():
                os.mkdir("elsewhere")
                os.chdir("elsewhere")
                strict = bonobo.parallel(share, executor="process", on_error="dead_letter")
                return bonobo.Graph([4, 0], strict, print)
        """
        files = ("--report", "report.json", "--dead-letters", "rows.jsonl")
        ended = cli("run", write(text), *files)
        assert (ended.code, ended.out) == (1, "3\n"), ended.err
        assert json.loads((tmp_path / "report.json").read_text())["exit_code"] == 1
        assert (tmp_path / "rows.jsonl").read_text().count("\n") == 1
        (tmp_path / "elsewhere").rmdir()
        assert cli("inspect", "-g", "graph.py", "-o", "graph.dot").code == 0
        assert (tmp_path / "graph.dot").exists()

    @pytest.mark.parametrize(
        "change",
        ["sys.stdout.close()", "sys.stdout = None", "sys.stdout = Output()", "sys.stderr = Output()"],
    )
    @pytest.mark.parametrize(("row", "code"), [(1, 0), (0, 1)])
    def test_a_graph_may_do_as_it_likes_with_the_outputs(self, cli, write, change, row, code):
        text = f"""
            import sys
            import bonobo

            class Output:
                def write(self, text):
                    pass

            def node(x):
                {change}
                return 1 / x

            def get_graph():
                return bonobo.Graph([{row}], node)
        """
        ended = cli("run", write(text))
        assert (ended.code, ended.out) == (code, "")
        assert "Traceback" not in ended.err
        assert "Exception ignored" not in ended.err

    def test_nothing_of_ours_goes_to_standard_output(self, process, write):
        shell = ("sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-m", "bonobo")
        ended = Ended(process("run", write(TWO_FUNCTIONS), command=shell))
        assert (ended.code, ended.out) == (0, "Hello Ada\nHello Grace\n")
        ended = Ended(process("run", "nowhere.py", command=shell))
        assert (ended.code, ended.out) == (2, "")

    @pytest.mark.parametrize("where", [("job.py",), ("folder",), ("-m", "job")])
    def test_what_the_graph_defines_is_there_in_a_new_process(self, cli, write, where):
        text = """
            import multiprocessing
            import pickle
            from dataclasses import dataclass
            import bonobo

            @dataclass
            class Doubled:
                value: "int"

            def double(x):
                return Doubled(2 * x)

            def in_a_child(x):
                assert pickle.loads(pickle.dumps(double)) is double
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    return pool.apply(double, (x,)).value

            def get_graph():
                return bonobo.Graph([1, 2], in_a_child, print)
        """
        write(text, "job.py")
        write(text, "folder/__main__.py")
        ended = cli("run", *where)
        assert (ended.code, ended.out) == (0, "2\n4\n"), ended.err


class TestInspect:
    def test_it_draws_and_builds_no_services(self, cli, write):
        text = TWO_FUNCTIONS.replace('return {"word"', 'raise SystemExit("built") or {"word"')
        for flag in ("--graph", "-g"):
            ended = cli("inspect", flag, write(text))
            assert ended.code == 0
            assert ended.out == DOT + "    BEGIN -> 0\n    0 -> 1\n}\n"

    def test_a_file_that_runs_by_itself_is_not_run(self, cli, write):
        script = SCRIPT.replace("services=get_services()", "")
        ended = cli("inspect", "-g", write(script))
        assert ended.code == 0
        assert ended.out.startswith("arguments 1\ndigraph {\n    rankdir=LR\n")

    def test_get_graph_is_asked_before_a_script_is_run(self, cli, write):
        script = textwrap.dedent(TWO_FUNCTIONS) + textwrap.dedent(SCRIPT)
        assert cli("inspect", "-g", write(script)).out.startswith(DOT)

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [(["nowhere.py"], 2), ([], 2), (["graph.py", "-m", "x"], 2), (["graph.py"], 70)],
    )
    def test_what_cannot_be_drawn(self, cli, write, arguments, code):
        write("def get_graph(): 1 / 0")
        ended = cli("inspect", "-g", *arguments)
        assert (ended.code, ended.out) == (code, "")
        assert ended.err.startswith("error: ")
        assert ended.err.count("\n") == 1

    def test_a_drawing_goes_into_a_file(self, cli, write, tmp_path):
        ended = cli("inspect", "--graph", write(TWO_FUNCTIONS), "-o", "graph.dot")
        assert (ended.code, ended.out, ended.err) == (0, "", "")
        assert (tmp_path / "graph.dot").read_text().startswith(DOT)
        ended = cli("inspect", "graph.py", "-o", "other.dot")
        assert (ended.code, ended.out) == (0, "")
        assert (tmp_path / "other.dot").read_text().startswith(DOT)
        ended = cli("inspect", "--graph", "graph.py", "--output", "graph.jpeg")
        assert ended.code == 2
        assert ".png, .svg, .pdf, .dot" in ended.err

    def test_the_environment_holds_meanwhile(self, cli, write):
        write(
            "import os, bonobo\ndef get_graph(): return bonobo.Graph([1], type(os.environ['NAME'], (), {}))"
        )
        assert 'label="Word"' in cli("inspect", "-g", "graph.py", "-e", "NAME=Word").out

    def test_it_says_what_it_needs(self, cli, write):
        ended = cli("inspect", write(TWO_FUNCTIONS))
        assert ended.code == 2
        assert "--graph" in ended.err


class TestInProcess:
    def test_the_environment_comes_back(self, write, tmp_path, monkeypatch):
        monkeypatch.setenv("WORD", "before")
        monkeypatch.delenv("OTHER", raising=False)
        path, arguments = list(sys.path), sys.argv
        file = tmp_path / write(TWO_FUNCTIONS)
        result = CliRunner().invoke(
            bonobo.cli.main, ["run", "-q", str(file), "-e", "WORD=a", "-e", "OTHER='b'"]
        )
        assert result.exit_code == 0
        assert os.environ["WORD"] == "before"
        assert "OTHER" not in os.environ
        assert (sys.path, sys.argv) == (path, arguments)

    def test_two_distributions_may_not_own_the_name(self, monkeypatch):
        monkeypatch.setattr(
            bonobo.cli, "packages_distributions", lambda: {"bonobo": ["warehouse", "bonobo", "bonobo"]}
        )
        result = CliRunner().invoke(bonobo.cli.main, ["version"])
        assert result.exit_code == 2
        assert "pip uninstall bonobo warehouse" in " ".join(result.output.split())

    def test_the_version_is_the_distributions(self):
        result = CliRunner().invoke(bonobo.cli.main, ["version"])
        assert result.output == f"bonobo {bonobo.__version__}\n"
        assert f'version="{bonobo.__version__}"' in (ROOT / "setup.py").read_text()

    def test_drawing_leaves_no_trace(self, write, tmp_path):
        target = Target.named(str(tmp_path / write(TWO_FUNCTIONS)), None)
        with importable(target):
            assert len(drawn(target)) == 2


SLOW = """
    import itertools, sys, time
    from contextlib import contextmanager
    import bonobo
    from bonobo.errors import Stopped

    def source():
        try:
            for number in itertools.count():
                yield number
        finally:
            print("source closed")

    def slow(x):
        print("began", x)
        time.sleep(0.01)
        print("ended", x)
        return x

    def get_graph():
        return bonobo.Graph(source, bonobo.parallel(slow, 3), lambda x: None)

    @contextmanager
    def get_services():
        try:
            yield {}
        except BaseException as error:
            print("services saw", type(error).__name__, error.exit_code)
            raise
"""

STUCK = """
    import time
    import bonobo
    from bonobo.config import use_context_processor

    class Service:
        def close(self):
            print("closed")

    def opened(node, context):
        yield
        print("torn down")

    @use_context_processor(opened)
    def stuck():
        print("began\\n", end="")  # one write, which no other thread's can fall into
        time.sleep(1000)
        yield 1

    def get_graph():
        return bonobo.Graph(stuck, print)

    def get_services():
        return {"service": Service()}
"""


def first_line(popen):
    line = popen.stdout.readline()
    assert line, popen.communicate(timeout=DEADLINE)
    return line


class TestSignals:
    @pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_what_is_in_flight_drains(self, process, tmp_path, write, signum, code):
        popen = process("run", write(SLOW), "--report", "report.json")
        assert first_line(popen).startswith("began")
        popen.send_signal(signum)
        ended = Ended(popen)
        assert ended.code == code
        # Threads print at once, so that lines may run into one another.
        assert ended.out.count("source closed") == 1
        assert ended.out.endswith(f"services saw Stopped {code}\n")
        report = json.loads((tmp_path / "report.json").read_text())
        source, slow, last = report["nodes"]
        assert (source["state"], slow["state"], last["state"]) == ("stopped", "done", "done")
        assert source["out"] == slow["in"] == slow["out"] == last["in"]
        assert ended.out.count("ended") == source["out"]
        assert (report["exit_code"], report["fatal"]) == (code, "Stopped")
        assert ended.err.endswith(f"error: stopped by {signum.name}\n")

    def test_a_node_that_is_stuck_is_left_after_the_drain(self, process, write):
        popen = process("run", write(STUCK), env={"BONOBO_DRAIN": "1"})
        assert first_line(popen) == "began\n"
        begun = time.monotonic()
        popen.send_signal(signal.SIGTERM)
        ended = Ended(popen)
        assert ended.code == 143
        assert ended.out == "torn down\nclosed\n"
        assert time.monotonic() - begun >= 1
        assert " - stuck in=1 out=0 [stopped]" in ended.err

    def test_a_drain_of_nothing_cancels_at_once(self, process, write):
        popen = process("run", write(SLOW), env={"BONOBO_DRAIN": "0"})
        assert first_line(popen).startswith("began")
        popen.send_signal(signal.SIGTERM)
        ended = Ended(popen)
        assert ended.code == 143
        assert ended.out.count("source closed") == 1

    def test_a_second_signal_leaves_at_once(self, process, write):
        ticking = """
            def ticks():
                print("ticking\\n", end="")
                try:
                    while True:
                        yield 1
                        time.sleep(0.01)
                finally:
                    print("ticks closed")

            def get_graph():
                graph = bonobo.Graph(stuck, print)
                graph.add_chain(ticks, lambda x: None)
                return graph
        """
        popen = process("run", write(textwrap.dedent(STUCK) + textwrap.dedent(ticking)))
        assert {first_line(popen), first_line(popen)} == {"began\n", "ticking\n"}
        popen.send_signal(signal.SIGTERM)
        # Two signals that are under way at once may arrive in either order.
        assert first_line(popen) == "ticks closed\n"
        popen.send_signal(signal.SIGINT)
        ended = Ended(popen)
        assert ended.code == 130
        assert "closed" not in ended.out

    def test_while_services_are_built(self, process, tmp_path, write):
        text = STUCK.replace('return {"service"', 'print("building"); time.sleep(1000); return {"service"')
        popen = process("run", write(text), "--report", "report.json")
        assert first_line(popen) == "building\n"
        popen.send_signal(signal.SIGTERM)
        ended = Ended(popen)
        assert (ended.code, ended.out) == (143, "")
        assert json.loads((tmp_path / "report.json").read_text())["exit_code"] == 143

    def test_while_the_file_loads(self, process, write):
        popen = process("run", write("import time\nprint('loading')\ntime.sleep(1000)"))
        assert first_line(popen) == "loading\n"
        popen.send_signal(signal.SIGINT)
        ended = Ended(popen)
        assert (ended.code, ended.err) == (130, "error: stopped by SIGINT\n")

    @pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
    def test_while_a_file_that_is_drawn_loads(self, process, write, signum, code):
        popen = process("inspect", "-g", write("import time\nprint('loading')\ntime.sleep(1000)"))
        assert first_line(popen) == "loading\n"
        popen.send_signal(signum)
        ended = Ended(popen)
        assert (ended.code, ended.err) == (code, f"error: stopped by {signum.name}\n")

    @pytest.mark.parametrize("arguments", [("run", "graph.py"), ("inspect", "-g", "graph.py"), ("version",)])
    def test_before_the_command_has_begun(self, process, arguments):
        interrupted = """
            import signal
            import bonobo.cli

            bonobo.cli.packages_distributions = lambda: signal.raise_signal(signal.SIGINT)
            bonobo.cli.main()
        """
        command = (sys.executable, "-c", textwrap.dedent(interrupted))
        ended = Ended(process(*arguments, command=command))
        assert (ended.code, ended.out, ended.err) == (130, "", "error: stopped by SIGINT\n")

    def test_what_ended_a_run_is_said_once(self, process, write):
        popen = process("run", "-q", write(SLOW + "\n    for _ in range(2): bonobo.run(get_graph())"))
        assert first_line(popen).startswith("began")
        popen.send_signal(signal.SIGINT)
        ended = Ended(popen)
        assert (ended.code, ended.err) == (130, "error: stopped by SIGINT\n")

    def test_the_next_run_of_the_same_file_does_not_begin(self, process, write):
        text = (
            textwrap.dedent(SLOW) + "\nbonobo.run(get_graph())\nbonobo.run(bonobo.Graph(['again'], print))\n"
        )
        popen = process("run", write(text))
        assert first_line(popen).startswith("began")
        popen.send_signal(signal.SIGTERM)
        ended = Ended(popen)
        assert ended.code == 143
        assert "again" not in ended.out

    def test_a_head_ends_after_the_row_that_it_emits(self, process, write):
        text = """
            import time
            import bonobo

            def config():
                return "a"

            def expand(x):
                try:
                    while True:
                        yield x
                        time.sleep(0.001)
                finally:
                    print("expand closed")

            def get_graph():
                return bonobo.Graph(config, expand, lambda x: print("row"))
        """
        popen = process("run", write(text))
        assert first_line(popen) == "row\n"
        popen.send_signal(signal.SIGTERM)
        ended = Ended(popen)
        assert ended.code == 143
        assert ended.out.count("expand closed") == 1
        assert " - config in=1 out=1 [done]" in ended.err

    def test_an_interruption_of_a_plain_script_goes_on_as_one(self, process, write):
        text = textwrap.dedent(STUCK) + textwrap.dedent("""
            import signal
            import bonobo.runner
            bonobo.runner.GRACE_SECONDS = 0.1
            # Where the tests themselves run in the background, interruptions are ignored from the start.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                bonobo.run(get_graph(), services=get_services())
            except KeyboardInterrupt:
                print("interrupted")
        """)
        popen = process(write(text), command=(sys.executable,))
        assert first_line(popen) == "began\n"
        popen.send_signal(signal.SIGINT)
        ended = Ended(popen)
        assert (ended.code, ended.out) == (0, "torn down\nclosed\ninterrupted\n")

    def test_a_library_may_ask_for_the_signals(self, process, write):
        text = textwrap.dedent(SLOW) + textwrap.dedent("""
            import signal
            before = signal.getsignal(signal.SIGTERM)
            report = bonobo.run(get_graph(), handle_signals=True)
            assert signal.getsignal(signal.SIGTERM) is before
            sys.exit(report.exit_code)
        """)
        popen = process(write(text), command=(sys.executable,))
        assert first_line(popen).startswith("began")
        popen.send_signal(signal.SIGTERM)
        assert Ended(popen).code == 143
