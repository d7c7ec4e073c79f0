"""Listings of several prefixes at a time: each is a chain of requests that wait for one another.

Whoever reads gets all of every listing, or the error that ended one of them; never a part for the whole.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from warehouse.domain.records import ObjectInfo

if TYPE_CHECKING:
    from warehouse.storage.store import Store

AT_ONCE = 8
PAGE = 1_000  # what S3 gives in an answer (API_ListObjectsV2)

_Page = list[ObjectInfo]


def list_together(store: Store, prefixes: Sequence[str], at_once: int = AT_ONCE) -> Generator[ObjectInfo]:
    """Yield what stands under each of the prefixes, `at_once` of them listed at the same time.

    The objects of one prefix come in the byte order of their keys, those of several as they arrive. Raises
    what a listing raises; a reader that stops early ends the listings too.
    """
    with closing(_pages(store, prefixes, at_once)) as found:
        for page in found:
            yield from page


def _pages(store: Store, prefixes: Sequence[str], at_once: int) -> Generator[_Page]:
    if len(prefixes) <= 1 or at_once <= 1:
        for prefix in prefixes:
            yield from _listed(store, prefix)
        return
    found: queue.Queue[_Page | BaseException | None] = queue.Queue(maxsize=2 * at_once)
    waiting = iter(prefixes)
    taking = threading.Lock()
    stopped = threading.Event()

    def work() -> None:
        end: BaseException | None = None
        try:
            while not stopped.is_set():
                with taking:
                    prefix = next(waiting, None)
                if prefix is None:
                    break
                for page in _listed(store, prefix):
                    if stopped.is_set():
                        break
                    found.put(page)
        except BaseException as error:
            end = error
        found.put(end)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(at_once, len(prefixes)))]
    for thread in threads:
        thread.start()
    at_work = len(threads)
    try:
        while at_work:
            page = found.get()
            if isinstance(page, BaseException):
                at_work -= 1
                raise page
            if page is None:
                at_work -= 1
            else:
                yield page
    finally:
        stopped.set()
        # Threads that wait to hand over a page are let go, and say that they end.
        while at_work:
            at_work -= not isinstance(found.get(), list)
        for thread in threads:
            thread.join()


def _listed(store: Store, prefix: str) -> Generator[_Page]:
    with closing(_objects(store, prefix)) as objects:
        while page := list(itertools.islice(objects, PAGE)):
            yield page


def _objects(store: Store, prefix: str) -> Generator[ObjectInfo]:
    yield from store.list(prefix)
