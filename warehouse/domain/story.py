"""The story of one object in plain words: what it is, every decision, where it is, what would change it.

Told from facts alone, so that the same facts give the same lines. Keys and identifiers are part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from warehouse.domain import keys
from warehouse.domain.centres import printable
from warehouse.domain.decisions import MOST, Decision, Facts, State
from warehouse.domain.reasons import NO_REMEDY, reason_of
from warehouse.domain.records import GROUPS, Decided
from warehouse.domain.worklist import days, moment

_FOUND: Mapping[State, str] = {
    "stands": "stands",
    "gone": "gone: nothing stands there",
    "other size": "stands, but with another size than was recorded",
    "other version": "stands with the recorded size, but was written again since (another ETag)",
    "other group": "stands, but names another group than the catalog",
    "damaged": "stands, but is damaged",
    "taken": "gone: a link, a folder or the like stands there, or on the way there",
    "unread": "could not be looked at",
}

_KINDS = {"image": "an image", "clinical": "a clinical file"}

_OWN = "it is the warehouse's own: its configuration, its assignments or its catalog, and no upload"
_VERIFY = "`warehouse verify` shows what else of the data set is not as it should be"
_RETRY = "the same bytes are looked at again only after `warehouse retry`, which asks for it"
_REBUILD = "`warehouse catalog rebuild` makes the catalog anew from what stands in the bucket"

_AGAIN: Mapping[str, str] = {
    Decided.QUARANTINED: "a corrected upload is another version, which the next load decides; " + _RETRY,
    Decided.DEFERRED: "each load looks whether what it waits for has come",
    Decided.IGNORED: "an upload under another key is another object, which the next load decides",
}


def lines(facts: Facts, now: datetime) -> Iterator[str]:
    """The whole story, a line at a time; `now` is aware. No line can steer a terminal."""
    yield from map(printable, _lines(facts, now))


def _lines(facts: Facts, now: datetime) -> Iterator[str]:
    yield facts.key
    if facts.asked != facts.key:
        yield f"  asked for as {facts.asked}"
    yield from (f"  {text}" for text in _what_it_is(facts))
    yield from _section("decisions", _decisions(facts))
    yield from _section("where it is now", _places(facts))
    yield from _section("what waits", _waiting(facts, now))
    yield from _section("other raw objects for its place", _a_few(facts.others))
    yield from _section("what would change it", _remedies(facts))


def _section(title: str, told: Iterator[str]) -> Iterator[str]:
    for number, text in enumerate(told):
        if not number:
            yield ""
            yield title
        yield f"  {text}"


def _what_it_is(facts: Facts) -> Iterator[str]:
    first = facts.decisions[0] if facts.decisions else None
    if first is not None:
        kind = _KINDS.get(first.kind, "neither an image nor a clinical file")
        yield f"{kind} by its key, uploaded by {first.uploader} under {first.upload_date or 'no date'}"
        yield f"first decided {moment(first.time)}"
    yield _raw(facts)
    if facts.current is None:
        yield from _never_decided(facts)


def _raw(facts: Facts) -> str:
    where = "the bucket" if _is_elsewhere(facts) else "raw"
    info = facts.raw.info
    if info is not None:
        return (
            f"stands in {where}: {info.size:,} bytes, changed {moment(info.last_modified)}, ETag {info.etag}"
        )
    if facts.raw.state == "unread":
        return f"{where} could not be looked at: {facts.raw.said}"
    return f"no plain object stands at this key in {where} now: it was removed"


def _is_elsewhere(facts: Facts) -> bool:
    """Whether the key is of no raw object, under the configuration as it stands or by its first segment."""
    return not facts.decisions and not facts.expected.listed and facts.expected.problem is None


def _never_decided(facts: Facts) -> Iterator[str]:
    expected = facts.expected
    if facts.decisions:
        yield "this version of it was never decided: it was uploaded after the decisions below"
    elif facts.key.split("/")[0] in GROUPS:
        yield "part of the data set, but the catalog names no raw object that it came from"
        return
    elif expected.problem is not None:
        yield f"never decided; what a load would make of it is not known, since {expected.problem}"
        return
    elif not expected.listed:
        owned = keys.is_of_the_warehouse(facts.key)
        yield _OWN if owned else "under no raw prefix of config.json: no load looks at it"
        return
    else:
        yield "never decided: the catalog does not know it"
    if expected.kind is not None:
        yield f"pending: by its key alone it is {_an(expected.kind)}, which the next load decides"
    elif expected.reason is not None:
        reason = reason_of(expected.reason)
        yield (
            f"pending: by its key alone the next load makes it {reason.decided.value}"
            f" as {expected.reason}: {reason.meaning}"
        )


def _an(kind: str) -> str:
    return f"{'an' if kind == 'image' else 'a'} {kind}"


def _decisions(facts: Facts) -> Iterator[str]:
    versions = list(dict.fromkeys(one.etag for one in facts.decisions))
    runs = facts.runs or {}
    for number, one in enumerate(facts.decisions, 1):
        yield f"{number}. {moment(one.time)}  {_verdict(one)}"
        if len(versions) > 1:
            yield f"   version {versions.index(one.etag) + 1} of {len(versions)}, {_version(one, facts)}"
        run = runs.get(one.run)
        told = (
            f"{run.version}, ended with {run.exit_code}"
            if run is not None
            else "without a row of its own: it was killed, is still at work, or was no load"
        )
        yield f"   run {one.run} ({told}), as {one.name}"
        yield f"   configuration {one.configuration}{_compared(one, facts)}"
        yield from (f"   {text}" for text in _circumstances(one))


def _verdict(one: Decision) -> str:
    if one.reason is None:
        return one.outcome
    return f"{one.outcome}, {one.reason}: {reason_of(one.reason).meaning}"


def _version(one: Decision, facts: Facts) -> str:
    stands = facts.raw.info is not None and facts.raw.info.etag == one.etag
    size = "" if one.size is None else f"{one.size:,} bytes, "
    return f"{size}ETag {one.etag}{', which stands in raw now' if stands else ''}"


def _compared(one: Decision, facts: Facts) -> str:
    now, problem = facts.expected.configuration, facts.expected.problem
    if one.configuration is None:
        return ""
    if problem is not None:
        return f"; it cannot be compared with config.json now, since {problem}"
    return ", as config.json stands" if now == one.configuration else "; config.json says something else now"


def _circumstances(one: Decision) -> Iterator[str]:
    """What else the decision knew: whose it is, which rule put it where, and what was odd."""
    if one.patient is not None:
        site = f", of {one.site}" if one.site else ""
        yield f"patient {one.patient}{site}"
    if one.group is not None:
        yield f"group {one.group}, by rule {one.rule}"
    if one.kept and one.target_key is not None:
        yield f"copy {one.target_key}"
    if one.flags:
        yield f"flags {', '.join(one.flags)}"


def _places(facts: Facts) -> Iterator[str]:
    for look in facts.places:
        size = "" if look.info is None else f", {look.info.size:,} bytes"
        said = f" ({look.said})" if look.said else ""
        if (
            look.what == "assignment"
            and look.state == "gone"
            and not any(one.group for one in facts.decisions)
        ):
            yield "assignment  none yet: the patient belongs to no set"
        else:
            yield f"{look.what:10}  {look.key}: {_FOUND[look.state]}{size}{said}"


def _waiting(facts: Facts, now: datetime) -> Iterator[str]:
    current = facts.current
    if current is None or current.outcome != Decided.DEFERRED or current.reason is None:
        return
    version = [one for one in facts.decisions if one.etag == current.etag]
    begun = min(one.time for one in version if one.outcome == Decided.DEFERRED)
    age = days(begun, now)
    told = reason_of(current.reason).meaning
    yield f"it waits since {moment(begun)} ({age} day{'' if age == 1 else 's'}): {told}"
    if current.reason == "unlisted-site" and current.site:
        yield f"the site is {current.site}"
    if current.kind == "image" and current.patient is not None:
        yield f"its patient is {current.patient}"
        yield from (f"clinical file {text}" for text in _a_few(facts.clinical))
        if not facts.clinical and current.reason == "no-clinical-data":
            yield "no load has seen a clinical file of that patient"
    assigned = any(look.what == "assignment" and look.state == "stands" for look in facts.places)
    if assigned and current.group is None:
        yield "the patient is assigned by now: the next load goes on"


def _a_few(decisions: Sequence[Decision]) -> Iterator[str]:
    yield from map(_in_short, decisions[:MOST])
    if len(decisions) > MOST:
        yield f"more than {MOST}: `warehouse query` lists them all"


def _in_short(one: Decision) -> str:
    return f"{one.key}: {_verdict(one)}, {moment(one.time)}"


def _remedies(facts: Facts) -> Iterator[str]:
    current = facts.current
    if current is None:
        yield from _remedies_of_the_undecided(facts)
    elif current.kept:
        yield from _remedies_of_the_kept(facts, current)
    else:
        yield from _about_the_holder(current, facts.holder)
        if current.reason != "conflicting-copy" or facts.holder is None:
            yield reason_of(current.reason or "").remedy
        if facts.raw.state in ("gone", "taken"):
            yield "it was removed from raw, so that no load looks at it: upload it again"
        else:
            # What is neither kind was decided by its key: no other bytes would change that.
            yield _AGAIN[Decided.IGNORED if current.kind == "other" else current.outcome]
    yield from _repairs(facts)


def _remedies_of_the_undecided(facts: Facts) -> Iterator[str]:
    if facts.decisions or facts.expected.listed:
        yield "a load: it decides what is pending"
    elif facts.key.split("/")[0] in GROUPS:
        yield f"where it came from an older loader, nothing has to be done; {_VERIFY}"
        yield _REBUILD
    elif facts.expected.problem is not None:
        yield "mend config.json, as `warehouse config check` says, then load"
    elif keys.is_of_the_warehouse(facts.key):
        yield f"{NO_REMEDY}: {_VERIFY}"
    else:
        yield "where it is meant to be loaded: upload it under a raw prefix, or add its prefix to config.json"


def _remedies_of_the_kept(facts: Facts, current: Decision) -> Iterator[str]:
    if facts.holder is not None and facts.holder.key != current.key:
        yield f"its bytes came with another raw object, {_in_short(facts.holder)}"
    if all(look.state == "stands" for look in facts.places):
        yield f"{NO_REMEDY}: it is in the data set, and is not looked at again under this ETag"


def _about_the_holder(current: Decision, holder: Decision | None) -> Iterator[str]:
    if current.reason == "study-of-another-patient":
        if holder is None:
            yield "its study is held by what the catalog does not name: an older loader may have put it there"
        else:
            yield f"its study {current.study} is held by patient {holder.patient}: {_in_short(holder)}"
        yield "that object arrived first, and may be the wrong one: ask the centre whose the study is"
    elif current.reason == "conflicting-copy":
        if holder is None:
            yield "what holds its place is named by no decision: an older loader may have put it there"
            return
        same = "an earlier version of this very key, " if holder.key == current.key else ""
        yield f"held by {same}{_in_short(holder)}"
        place = current.own_place()
        if place is not None and holder.target_key is not None and place.lower() != holder.target_key.lower():
            yield "it is the SOP Instance UID that is taken, not the name: find out which of the two is right"
        else:
            yield "it is the name that is taken: send it with another date or name"


def _repairs(facts: Facts) -> Iterator[str]:
    """What is to be done where the data set is not as the catalog has it."""
    states = {look.what: look.state for look in facts.places}
    if "taken" in states.values():
        yield "put aside by hand what stands there and is no object: no load replaces it"
    if states.get("copy") in ("gone", "other size", "other version") or states.get("metadata") == "gone":
        yield f"bring back from a backup what is gone or was replaced; {_VERIFY}"
    assigned = any(one.group for one in facts.decisions)
    if states.get("assignment") == "other group" or (states.get("assignment") == "gone" and assigned):
        yield f"catalog and assignment do not agree: {_VERIFY}; {_REBUILD}"
    if states.get("assignment") == "damaged":
        yield reason_of("damaged-assignment").remedy
    if facts.unread:
        yield "something could not be looked at: mend the cause that is named above, and ask again"


def nothing_known(asked: str) -> str:
    """What is said where there is no story."""
    if keys.read_safe_name(asked) is not None:
        return (
            "nothing is known of an object of that name: a dry run leaves no rows, and what was deferred"
            " again for the same reason is found by the name that the first run gave it"
        )
    return (
        "nothing is known of that key: the catalog does not name it, and nothing stands there; give it as a"
        " work list prints it, from its first folder on"
    )
