"""Which files are put together: none while few are small, each once, and none that is large."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain.compaction import LARGE, MANY, SMALL, DataFile, to_put_together


def of_sizes(*sizes):
    return [DataFile(f"f{n}", size) for n, size in enumerate(sizes)]


def sizes_of(groups):
    return [[file.size for file in group] for group in groups]


def test_few_small_files_are_left_alone_however_many_large_ones_stand():
    assert to_put_together(of_sizes(*[1] * MANY, *[SMALL] * 1000)) == []


def test_many_small_files_become_one():
    files = of_sizes(*[1] * (MANY + 1))
    assert to_put_together([*files, DataFile("large", SMALL)]) == [files]


def test_they_come_in_groups_of_a_size_in_their_order():
    assert sizes_of(to_put_together(of_sizes(3, 3, 3, 3, 9, 1), many=2, small=9, large=6)) == [[3, 3], [3, 3]]
    assert sizes_of(to_put_together(of_sizes(4, 4, 1, 1), many=2, small=9, large=6)) == [[4, 1, 1]]


def test_what_is_put_together_does_not_count_as_small_when_it_is_full():
    """A file written anew may be a good deal smaller than its parts were."""
    assert SMALL * 2 <= LARGE


@given(st.lists(st.integers(0, 12), max_size=60), st.integers(0, 10), st.integers(1, 12), st.integers(1, 20))
def test_each_small_file_once_and_none_alone(sizes, many, small, large):
    files = of_sizes(*sizes)
    groups = to_put_together(files, many=many, small=small, large=large)
    taken = [file for group in groups for file in group]
    eligible = [file for file in files if file.size < small]
    assert taken == [file for file in eligible if file in taken]
    assert len(set(taken)) == len(taken)
    assert all(len(group) > 1 and sum(file.size for file in group) <= large for group in groups)
    # What is left alone did not fit to its neighbour: two that would fit are never both left.
    if len(eligible) > many:
        alone = [n for n, file in enumerate(eligible) if file not in taken]
        assert all(eligible[n].size + eligible[n + 1].size > large for n in alone if n + 1 in alone)
    else:
        assert groups == []
