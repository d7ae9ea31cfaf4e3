"""What is wrong with a demonstration of VTS-CoT, found from its own words, before any frame is looked for."""

import re
from collections.abc import Iterator, Sequence

from framework.chat.grammar import Grammar
from framework.chat.thought import thought
from framework.data.inspection import Finding
from framework.data.vts_cot.trajectory import PLACEHOLDER, Traced, Trajectory
from framework.types import Answer, Malformed, Parsed, Select

TOKEN = "[SEG]"
GRAMMAR = Grammar(vtg=True, draws=TOKEN, clamp=False)
DRAWN = f"<RefSeg>{TOKEN}</RefSeg>"
ONE_LINE = re.compile(r"<(select|answer)><VTG>.*?</VTG>.*?</\1>")
"""As the released loader looks for it: no line break in it, and nothing between the two tags."""
HEADINGS = re.compile(r".*?".join(rf"\b{each}\b" for each in ("step 1", "step 2", "step 3", "action")), re.I | re.S)

KINDS = {
    "odd talk": "a system message or none, then human and gpt by turns, gpt last",
    "odd reply": "a gpt turn that is no action, or that the released loader would not find",
    "no answer": "the last gpt turn answers, and no earlier one does",
    "other trace": "cot_trace is not what the gpt turns select",
    "no drawing": f"a gpt turn without exactly one {DRAWN}",
    "outside": "frames that the clip does not have",
    "lacking step": "a thought without step 1, step 2, step 3 and action, in this order",
}


def found(trajectories: Sequence[Trajectory]) -> list[Finding]:
    """All that is wrong with all of them, in their order."""
    return [each for number, one in enumerate(trajectories) for each in of(one, str(number))]


def of(trajectory: Trajectory, where: str) -> Iterator[Finding]:
    """All that is wrong with one; `where` says which it is."""
    where = f"{where} ({trajectory.video})"
    yield from (Finding("odd talk", where, fault) for fault in _talk(trajectory))
    outside = [frame for frame in trajectory.shown if not 0 <= frame < len(trajectory.frames)]
    if outside:
        yield Finding("outside", where, f"sample_frame_indice {outside} of {len(trajectory.frames)} frames")
    parsed = [GRAMMAR.parse(reply, len(trajectory.frames), lambda _: None) for reply in trajectory.replies]
    for turn, (reply, action) in enumerate(zip(trajectory.replies, parsed, strict=True)):
        here = f"{where}, reply {turn}"
        if fault := _unreadable(reply, action):
            yield Finding("outside" if "is outside" in fault else "odd reply", here, fault)
        if reply.count(TOKEN) != 1 or DRAWN not in reply:
            yield Finding("no drawing", here, f"{reply.count(TOKEN)} × {TOKEN}, {reply.count(DRAWN)} × {DRAWN}")
        if not HEADINGS.search(reply[thought(reply)]):
            yield Finding("lacking step", here, reply[thought(reply)][:80] or "nothing is thought")
        last = turn == len(parsed) - 1
        if not isinstance(action, Malformed) and last != isinstance(action, Answer):
            yield Finding(
                "no answer", here, "selects, though nothing follows" if last else "answers, though more follows"
            )
    yield from (Finding("other trace", where, fault) for fault in _trace(trajectory.trace, parsed))


def _talk(trajectory: Trajectory) -> Iterator[str]:
    speakers = [each.speaker for each in trajectory.said]
    talk = speakers[1:] if speakers[:1] == ["system"] else speakers
    if not talk or talk != ["human", "gpt"] * (len(talk) // 2):
        yield f"{', '.join(speakers) or 'nobody'} speaks"
    later = [each.text for each in trajectory.said if each.speaker == "human"][1:]
    if without := [number for number, text in enumerate(later, 1) if text.count(PLACEHOLDER) != 1]:
        yield f"human turn {without[0]} has no place for its frames: {PLACEHOLDER}, once"


def _unreadable(reply: str, action: Parsed) -> str:
    if isinstance(action, Malformed):
        return action.reason
    if not ONE_LINE.search(reply):
        return "its place does not stand on one line, as <select><VTG>{…}</VTG>, …</select>"
    if isinstance(action, Answer) and (action.interval is None or action.keyframe is None):
        return "answers without start, end and keyframe"
    return ""


def _trace(trace: Sequence[Traced], parsed: Sequence[Parsed]) -> Iterator[str]:
    """A trace may go on to the answer, whose place is not shown."""
    for turn, action in enumerate(parsed):
        told = trace[turn] if turn < len(trace) else None
        if isinstance(action, Malformed) or (told is None and not isinstance(action, Select)):
            continue
        said = _place(action)
        if told != said:
            yield f"reply {turn} says {said}, its trace {told or 'nothing'}"
    if len(trace) > len(parsed):
        yield f"{len(trace)} elements, but {len(parsed)} replies"


def _place(action: Parsed) -> Traced | None:
    if not isinstance(action, Select | Answer) or action.interval is None or action.keyframe is None:
        return None
    return Traced(int(action.interval.start), int(action.interval.end), action.keyframe)
