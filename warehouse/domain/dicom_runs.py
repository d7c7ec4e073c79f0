"""Takes DICOM elements that leave nothing open by the run, with plain sequences a few levels deep (PS3.5 7).

What a run does not take whole is left to the walk that takes one step at a time, in
`warehouse.domain.dicom_scan`; it is read once more, never oftener.
"""

from __future__ import annotations

from struct import Struct
from typing import TypeAlias

from warehouse.domain.dicom_attributes import Attribute, plain
from warehouse.domain.dicom_tables import ITEM, ITEM_END, SEQUENCE_END, UNDEFINED_LENGTH

CREATOR = 256  # bytes; a private creator is an LO of at most 64 characters (PS3.5 7.8.1)

PlainElement: TypeAlias = "tuple[Attribute, int, int, list[list[PlainElement]] | None]"
"""A plain element: its attribute, where its value starts, how long it is, and a sequence's items."""


class _Order:
    """What reads numbers, and the heads of elements, in one byte order."""

    __slots__ = ("explicit", "implicit", "item", "long", "plain_explicit", "plain_implicit", "short", "tag")

    def __init__(self, little: bool) -> None:
        sign = "<" if little else ">"
        self.tag = Struct(f"{sign}HH").unpack_from
        self.short = Struct(f"{sign}H").unpack_from
        self.long = Struct(f"{sign}L").unpack_from
        self.item = Struct(f"{sign}HHL").unpack_from
        self.explicit = Struct(f"{sign}6sH").unpack_from
        self.implicit = Struct(f"{sign}4sL").unpack_from
        self.plain_explicit = plain(implicit=False, little=little)
        self.plain_implicit = plain(implicit=True, little=little)


_LITTLE, _BIG = _Order(little=True), _Order(little=False)


def looks_implicit(data: bytes, at: int) -> bool:
    """Tell whether the element's header that starts there holds no VR: two capital letters (PS3.5 7.1.2)."""
    return not (0x41 <= data[at + 4] <= 0x5A and 0x41 <= data[at + 5] <= 0x5A)


class Runs:
    """Runs of plain elements of `data`, in one byte order; `elements` bounds how many are ever taken."""

    def __init__(self, data: bytes, *, little: bool, elements: int) -> None:
        self.data = data
        self.little = little
        self._order = _LITTLE if little else _BIG
        self._left = elements
        self._doubtful = 0

    def _take(
        self,
        found: list[PlainElement],
        at: int,
        limit: int,
        implicit: bool,
        creators: dict[int, str],
        nesting: int,
        end_tag: int = 0xFFFE0000,
    ) -> int:
        """Take the plain elements from `at`, none of which reaches beyond `limit`; give where they end."""
        data, order = self.data, self._order
        if implicit:
            head_of, plain_of = order.implicit, order.plain_implicit
        else:
            head_of, plain_of = order.explicit, order.plain_explicit
        last = limit - 8
        while at <= last:
            head, length = head_of(data, at)
            attribute = plain_of(head)
            if attribute is None or attribute.tag >= end_tag:
                break
            start = at + 8
            if attribute.usual:
                at = start + length
                if at > limit:
                    at = start - 8
                    break
                found.append((attribute, start, length, None))
                continue
            if attribute.long:
                start += 4
                if start > limit:
                    break
                (length,) = order.long(data, start - 4)
            items: list[list[PlainElement]] | None = None
            end = start + length
            if attribute.sequence:
                items = []
                end = self._take_items(items, start, length, limit, implicit, nesting)
            if end > limit:
                break
            if attribute.reserves and length <= CREATOR:
                creators[attribute.tag] = data[start:end].decode("latin-1").rstrip("\0 ")
            found.append((attribute, start, end - start, items))
            at = end
        self._left -= len(found)
        return at

    def _take_items(
        self,
        items: list[list[PlainElement]],
        at: int,
        length: int,
        limit: int,
        implicit: bool,
        nesting: int,
    ) -> int:
        """Take a sequence that lies before `limit` as a whole, where all in it is plain; give where it ends.

        Gives a place beyond `limit` where it is not so: then the sequence has to be read a step at a time.
        """
        defined = length != UNDEFINED_LENGTH
        end = at + length if defined else limit
        if end > limit or nesting == 0 or at < self._doubtful:
            return limit + 1
        data, order, left = self.data, self._order, self._left
        while not (defined and at == end):
            if at + 8 > end:
                break
            group, element, length = order.item(data, at)
            tag = group << 16 | element
            if tag == SEQUENCE_END and not defined:
                return at + 8
            # Items of an explicit data set may be implicit (PS3.5 6.2.2), and in practice are.
            looked_at = not implicit and length >= 8
            if tag != ITEM or (looked_at and at + 14 > end):
                break
            at += 8
            inner = looks_implicit(data, at) if looked_at else implicit
            bound = end if length == UNDEFINED_LENGTH else at + length
            if bound > end:
                break
            item: list[PlainElement] = []
            at = self._take(item, at, bound, inner, {}, nesting - 1)
            if length == UNDEFINED_LENGTH:
                if at + 8 > end or self._tag_at(at) != ITEM_END:
                    break
                at += 8
            elif at != bound:
                break
            self._left -= 1
            items.append(item)
        else:
            return end
        # All sequences around this place would break here too; nobody tries them again.
        self._left, self._doubtful = left, max(self._doubtful, at)
        return limit + 1

    def _tag_at(self, offset: int) -> int:
        group, element = self._order.tag(self.data, offset)
        return int(group << 16 | element)
