"""Record what Bonobo 0.6.4 does with each graph: `python3.7 record.py [NAME ...]` writes recorded/NAME.json.

A record holds the arguments, what was printed, and the files that were written. Each graph runs as a script
and through the command, several times: only how the lines of INTERLEAVED graphs mix may differ between them.
"""

import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
GRAPHS = os.path.join(HERE, "graphs")
RECORDED = os.path.join(HERE, "recorded")
TIMES = 3

ARGUMENTS = {
    "environment": [
        "--env",
        "GREETING='Hello, you'",
        "--default-env",
        "MARK=!",
        "--default-env",
        "GREETING=no",
    ]
}

INTERLEAVED = {
    *(
        "callables",
        "counted",
        "csv_dialects",
        "emission",
        "fanned_in",
        "files",
        "filtered",
        "forked",
        "inherit",
    ),
    *("iterables", "json_read", "limited", "methods", "options_inherited", "orphans", "partially_configured"),
    *("passed", "sent_at_teardown", "service_options", "subclassed", "teed", "unpacked", "used_context"),
    "windows",
}
"""Graphs in which several nodes print: how their lines interleave is up to the threads."""

FAILING = {"failed_rows"}
"""Graphs some of whose rows fail on purpose."""


def branches(output):
    """Group lines by what stands before the first colon: the order within a branch is certain."""
    groups = {}
    for line in output.splitlines():
        groups.setdefault(line.partition(":")[0], []).append(line)
    return groups


def ways(name):
    """Give the command lines by which a graph can be run."""
    file = os.path.join(GRAPHS, name + ".py")
    arguments = [file, *ARGUMENTS.get(name, [])]
    return [[sys.executable, *arguments], [sys.executable, "-m", "bonobo", "run", *arguments]]


def files_of(folder):
    """Give the files of a folder by name; their bytes are kept as latin-1 text."""
    found = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            found[name] = file.read().decode("latin-1")
    return found


def once(command):
    """Run a command in an empty folder; give what it printed and wrote."""
    environment = {key: value for key, value in os.environ.items() if key not in ("DEBUG", "QUIET")}
    environment["PYTHONIOENCODING"] = "utf-8"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, timeout=60, check=True
        )
        return done.stdout.decode("utf-8"), files_of(folder), done.stderr.decode("utf-8")


def record(name):
    """Run one graph in every way and write down what came of it."""
    outcomes = [once(command) for _ in range(TIMES) for command in ways(name)]
    stdout, files, stderr = outcomes[0]
    if ("Traceback" in stderr) != (name in FAILING):
        raise SystemExit(stderr or "no row failed of " + name)
    alike = branches if name in INTERLEAVED else str
    for other, other_files, _ in outcomes[1:]:
        if alike(other) != alike(stdout) or other_files != files:
            raise SystemExit("\n".join([name, "differs from run to run:", stdout, other]))
    recorded = {
        "arguments": ARGUMENTS.get(name, []),
        "exit_code": int(name in FAILING),
        "files": files,
        "order": "branches" if name in INTERLEAVED else "exact",
        "stdout": stdout,
    }
    with open(os.path.join(RECORDED, name + ".json"), "w") as file:
        json.dump(recorded, file, indent=2, sort_keys=True)
        file.write("\n")
    print(name, recorded["order"], len(stdout.splitlines()), sorted(files))


if __name__ == "__main__":
    os.makedirs(RECORDED, exist_ok=True)
    for each in sys.argv[1:] or sorted(file[:-3] for file in os.listdir(GRAPHS) if file.endswith(".py")):
        record(each)
