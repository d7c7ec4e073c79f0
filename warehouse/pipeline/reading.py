"""An examination asks for ranges; whoever holds the bytes answers until it has its verdict."""

from __future__ import annotations

from collections.abc import Callable

from warehouse.domain import dicom
from warehouse.domain.identity import IdentityRules
from warehouse.domain.records import Header


def read_header(
    size: int, rules: IdentityRules | None, read: Callable[[dicom.Range], bytes]
) -> Header | dicom.Rejection:
    """Examine an object of `size` bytes, whose ranges `read` gives. Raises what `read` raises."""
    examination = dicom.examine(size, rules)
    try:
        wanted = next(examination)
        while True:
            wanted = examination.send(read(wanted))
    except StopIteration as end:
        verdict: Header | dicom.Rejection = end.value
        return verdict
    finally:
        examination.close()
