"""Follows the steps of the Dockerfile without Docker: in folders, virtual environments and as its user.

The file itself is read, and a step that is not known here is an error, so that the two cannot drift apart.
Absolute paths that the image makes are paths below the folder of a stage; the base image is this machine's
Python of the same version.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

PIP_SECONDS = 600


class Step(NamedTuple):
    """An instruction of a Dockerfile, and what stands behind it, on one line."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words of an exec form, or those of a line."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)


class UnknownStep(Exception):
    """The Dockerfile does what nobody taught this module."""


@dataclass
class Stage:
    """What is built from one FROM: its files below `root`, and how it is run."""

    root: Path
    base: str
    variables: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    folder: PurePosixPath = field(default_factory=lambda: PurePosixPath("/"))
    made: set[str] = field(default_factory=set)
    user: str = ""
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)

    def inside(self, path: str) -> PurePosixPath:
        """A path of the image, absolute."""
        return self.folder / path

    def outside(self, path: PurePosixPath) -> Path:
        """Where that is on this machine."""
        return self.root / path.relative_to("/")

    def mapped(self, word: str) -> str:
        """A word of a command: a path that the image made becomes that of this machine."""
        top = PurePosixPath(word).parts[:2]
        return str(self.outside(PurePosixPath(word))) if "".join(top) in self.made else word

    def mapped_path(self) -> str:
        return os.pathsep.join(self.mapped(one) for one in self.environment["PATH"].split(os.pathsep))


def steps(dockerfile: str) -> list[Step]:
    """The instructions of a Dockerfile; comments are left out, lines that go on are joined."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [Step(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """Whether a `.dockerignore` keeps a file out: the last pattern for it, or for a folder of it, decides."""
    found = False
    parts = path.split("/")
    ways = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    for pattern in patterns:
        form = _expression(pattern.removeprefix("!").strip("/"))
        if any(form.fullmatch(way) for way in ways):
            found = not pattern.startswith("!")
    return found


def _expression(pattern: str) -> re.Pattern[str]:
    text = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        text += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    return re.compile(text)


def patterns(dockerignore: str) -> list[str]:
    lines = (line.strip() for line in dockerignore.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def context(source: Path, target: Path) -> None:
    """Copy what `.dockerignore` lets through; links stay links."""
    rules = patterns((source / ".dockerignore").read_text(encoding="utf-8"))
    for found in _files(source, rules):
        (target / found).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / found, target / found, follow_symlinks=False)


def _files(source: Path, rules: Sequence[str]) -> Iterator[str]:
    tops = {rule.removeprefix("!").split("/")[0] for rule in rules if rule.startswith("!")}
    for folder, folders, names in os.walk(source):
        here = os.path.relpath(folder, source)
        if here == ".":
            # Not through all of .git and .venv to find that nothing of them is let through.
            folders[:] = [name for name in folders if name in tops or not ignored(name, rules)]
        for name in names:
            path = os.path.normpath(os.path.join(here, name))
            if not ignored(path, rules):
                yield path


class Build:
    """Follows the steps, one stage after another; `python` stands for the base image's."""

    def __init__(self, dockerfile: str, source: Path, workshop: Path, python: str) -> None:
        self._steps = steps(dockerfile)
        self._workshop = workshop
        self._python = python
        self._context = workshop / "context"
        context(source, self._context)
        self._arguments: dict[str, str] = {}
        self._stages: dict[str, Stage] = {}
        self._now: Stage | None = None

    def image(self) -> Stage:
        """Follow all steps; the last stage is the image, and the others are gone."""
        verbs: Mapping[str, Callable[[Step], None]] = {
            "FROM": self._from,
            "ARG": self._arg,
            "ENV": lambda step: self.stage.environment.update(self._pairs(step)),
            "LABEL": lambda step: self.stage.labels.update(self._pairs(step)),
            "WORKDIR": self._workdir,
            "COPY": self._copy,
            "RUN": self._run,
            "USER": lambda step: setattr(self.stage, "user", step.text),
            "ENTRYPOINT": lambda step: setattr(self.stage, "entrypoint", json.loads(step.text)),
            "CMD": lambda step: setattr(self.stage, "command", json.loads(step.text)),
        }
        for step in self._steps:
            if step.name not in verbs:
                raise UnknownStep(f"{step.name} {step.text}")
            verbs[step.name](step)
        for stage in self._stages.values():
            if stage is not self.stage:
                shutil.rmtree(stage.root)
        return self.stage

    @property
    def stage(self) -> Stage:
        assert self._now is not None, "the Dockerfile does not begin with FROM"
        return self._now

    def _from(self, step: Step) -> None:
        base, *name = step.words
        root = self._workshop / f"stage-{len(self._stages)}"
        root.mkdir(parents=True)
        self._now = Stage(root, self._filled(base, self._arguments))
        self._now.environment["PATH"] = os.defpath
        self._stages[name[-1] if name else str(len(self._stages))] = self._now

    def _arg(self, step: Step) -> None:
        name, _, value = step.text.partition("=")
        (self._arguments if self._now is None else self._now.variables)[name] = value

    def _filled(self, text: str, variables: Mapping[str, str]) -> str:
        return re.sub(r"\$\{?(\w+)\}?", lambda found: variables[found[1]], text)

    def _pairs(self, step: Step) -> dict[str, str]:
        known = {**self.stage.variables, **self.stage.environment}
        pairs = (word.partition("=") for word in step.words)
        return {name: self._filled(value, known) for name, _, value in pairs}

    def _workdir(self, step: Step) -> None:
        self.stage.folder = self.stage.inside(step.text)
        self._make(self.stage.folder)

    def _make(self, path: PurePosixPath) -> Path:
        self.stage.made.add("".join(path.parts[:2]))
        place = self.stage.outside(path)
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _copy(self, step: Step) -> None:
        """Dockerfile reference, "COPY": of a folder its contents are copied, of a file the file."""
        words = step.words
        if words[0].startswith("--from="):
            origin = self._stages[words.pop(0).removeprefix("--from=")]
            sources = [origin.outside(PurePosixPath(word)) for word in words[:-1]]
        else:
            origin, sources = None, [self._context / word for word in words[:-1]]
        if any(word.startswith("--") for word in words):
            raise UnknownStep(f"COPY {step.text}")
        target = self.stage.inside(words[-1])
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, self._make(target), symlinks=True, dirs_exist_ok=True)
            else:
                assert words[-1].endswith("/"), "a file is copied into a folder, whose name ends in a slash"
                shutil.copy2(source, self._make(target), follow_symlinks=False)
        if origin is not None:
            self._moved(origin)

    def _moved(self, origin: Stage) -> None:
        """Scripts name the interpreter of their environment by its path, which in the image is one path."""
        for folder in self.stage.root.rglob("bin"):
            for script in folder.iterdir():
                if script.is_file() and not script.is_symlink():
                    data = script.read_bytes()
                    if data.startswith(b"#!"):
                        script.write_bytes(data.replace(bytes(origin.root), bytes(self.stage.root)))

    def _run(self, step: Step) -> None:
        for command in re.split(r"\s&&\s", step.text):
            words = [self.stage.mapped(word) for word in shlex.split(command)]
            match words:
                case ["python", "-m", "venv", _]:
                    self._call([self._python, *words[1:]])
                case [pip, "install" | "uninstall", *_] if pip.endswith("/bin/pip"):
                    self._call(words)
                case ["groupadd" | "useradd", *_]:
                    # This machine keeps its users; a user needs no more than a number to run.
                    pass
                case _:
                    raise UnknownStep(f"RUN {command}")

    def _call(self, words: Sequence[str]) -> None:
        done = subprocess.run(
            words,
            cwd=self.stage.outside(self.stage.folder),
            capture_output=True,
            text=True,
            timeout=PIP_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"


def identity(user: str) -> tuple[int, int]:
    """The numbers of USER, `uid:gid`."""
    uid, gid = user.split(":")
    return int(uid), int(gid)


def start(image: Stage, *command: str, env: Mapping[str, str], folder: Path) -> subprocess.Popen[str]:
    """Start a container's process: entry point and command, in the image's folder, as its user.

    Only root can become another user; anybody else is no root already. `folder` is where it may write.
    """
    uid, gid = identity(image.user)
    as_user: dict[str, object] = {"user": uid, "group": gid, "extra_groups": []} if os.getuid() == 0 else {}
    words = [image.mapped(word) for word in (*image.entrypoint, *(command or image.command))]
    variables = {**image.environment, "PATH": image.mapped_path(), "HOME": "/nonexistent"}
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        words,
        cwd=image.outside(image.folder),
        env={**variables, "TMPDIR": str(folder), **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **as_user,
    )


def base_python(version: str, user: str) -> str | None:
    """A Python of this version here that the image's user may run, as the base image's would be."""
    uid, gid = identity(user)
    as_user: dict[str, object] = {"user": uid, "group": gid, "extra_groups": []} if os.getuid() == 0 else {}
    base = getattr(sys, "_base_executable", sys.executable)
    asked = "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in (os.path.realpath(base), f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        try:
            done = subprocess.run(  # type: ignore[call-overload]
                [candidate, "-c", asked], capture_output=True, text=True, check=False, cwd="/", **as_user
            )
        except OSError:
            continue
        if done.stdout.strip() == version:
            return candidate
    return None
