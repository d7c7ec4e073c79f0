"""Let the C library's allocator give back what rows no longer hold, in a process that a command owns.

glibc gives threads heaps of their own, and a heap keeps what is freed in its middle: a third more memory
than rows hold, measured with rows of 1 MiB. Python's threads take turns, so that one heap serves them as
well. A library must not decide this for its host; a command may.
"""

from __future__ import annotations

import ctypes
import os

M_ARENA_MAX = -8
"""The parameter's number in glibc's <malloc.h>."""


def use_one_heap() -> bool:
    """Let all threads share one heap; False where the C library has no such choice or the user made it."""
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1))
    except (AttributeError, OSError, TypeError):
        return False
