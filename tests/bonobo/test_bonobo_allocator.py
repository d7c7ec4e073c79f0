"""A command's threads share one heap where the C library lets them, and not against the user's choice."""

import platform
import subprocess
import sys

import pytest

PROGRAM = "from bonobo.allocator import use_one_heap; print(use_one_heap())"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc's allocator")
@pytest.mark.parametrize(("environment", "used"), [({}, True), ({"MALLOC_ARENA_MAX": "4"}, False)])
def test_one_heap(environment, used):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == str(used), done.stderr
