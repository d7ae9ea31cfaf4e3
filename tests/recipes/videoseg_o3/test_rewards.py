"""What episodes earn by this recipe, and by the published terms as they run."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from framework.cli import main
from framework.policy import Scripted
from framework.recipe import find_recipe
from framework.rollout import play
from framework.testing import filled
from framework.types import Drawn, Episode, Mask, Task, Truth, Video
from framework.vision import masks
from framework.vision.boxes import Interval
from rewards import videoseg_o3
from rewards.videoseg_o3 import Played

MENDED, COMPAT = (find_recipe(f"videoseg_o3/{name}", filled(f"videoseg_o3/{name}")) for name in ("rl", "compat"))
SEVEN = ("form", "steps", "interval", "keyframe", "masks", "margin", "progress")
TERMS: dict[str, videoseg_o3.Term] = {
    "form": "strict_format_cot",
    "steps": "step_format_cot",
    "interval": "lr_vtg_iou_dense",
    "keyframe": "lr_vtg_keyframe",
    "masks": "lr_maskiou_dense",
    "margin": "lr_keyframe_vs_mask_dense",
    "progress": "lr_progressive_keyframe_dense",
}
LENGTH, SIDE = 40, 10
SHOWN = range(10, 20)


def drawn(share: float) -> Mask:
    """A hundred pixels, of which this share is target: its IoU with the whole is this."""
    return masks.encode((np.arange(SIDE**2) < round(share * SIDE**2)).reshape(SIDE, SIDE))


TASK = Task(
    id="t",
    question="the dog",
    video=Video("clip", LENGTH, SIDE, SIDE),
    truth=Truth(
        present=tuple(frame in SHOWN for frame in range(LENGTH)),
        masks={frame: drawn(1.0) for frame in SHOWN},
        interval=Interval(SHOWN[0], SHOWN[-1]),
    ),
)
THOUGHT = "<think>Step 1: there. Step 2: left. Step 3: the dog. Action: so.</think>"


def said(start: int, end: int, keyframe: int, tag: str = "answer", thinks: str = THOUGHT) -> str:
    place = f'{{"start": {start}, "end": {end}, "keyframe": {keyframe}}}'
    return f"{thinks}<{tag}><VTG>{place}</VTG>, <RefSeg>[SEG]</RefSeg></{tag}>"


LOOK, ANSWER = said(10, 19, 12, "select"), said(10, 19, 12)


def played(*turns: tuple[str, float, float]) -> Episode:
    """Per turn what is said, and how well it draws on the clip's frames and on its keyframe."""
    episode = asyncio.run(play(TASK, MENDED.env, Scripted(*(reply for reply, _, _ in turns))))
    drawings = [
        Drawn(frames={frame: drawn(frames) for frame in (10, 14, 19)}, keyframe=12, on_keyframe=drawn(keyframe))
        for _, frames, keyframe in turns
    ]
    together = zip(episode.turns, drawings, strict=False)
    return replace(episode, turns=tuple(replace(turn, drawn=each) for turn, each in together))


def parts(episode: Episode) -> dict[str, float]:
    """What the seven terms add, those that are shifted shifted back."""
    terms = MENDED.rubric.score([episode])[0].terms
    shifts = {"form": -1, "interval": -0.5, "keyframe": -1, "masks": -1}
    return {name: terms.get(name, 0.0) + shifts.get(name, 0) for name in SEVEN}


def published(episode: Episode) -> dict[str, float]:
    return {name: COMPAT.rubric.score([episode])[0].parts[name] for name in SEVEN}


def test_the_published_terms_are_theirs():
    episode = played((LOOK, 0.5, 0.6), (ANSWER, 0.7, 0.9))
    texts = [turn.said.text for turn in episode.turns]
    told = Played(texts, TASK.truth.present, [[0.5] * 3, [0.7] * 3], [0.6, 0.9])
    assert published(episode) == pytest.approx({name: videoseg_o3.TERMS[term][0](told) for name, term in TERMS.items()})
    assert COMPAT.rubric.score([episode])[0].total == pytest.approx(sum(published(episode).values()))


SAME = {
    "one turn, all right": [(ANSWER, 1.0, 1.0)],
    "two turns, a little better": [(LOOK, 0.5, 0.6), (ANSWER, 0.5, 0.67)],
    "two turns, worse": [(LOOK, 0.9, 0.9), (ANSWER, 0.5, 0.3)],
    "poor masks": [(ANSWER, 0.3, 0.3)],
    "no masks": [(ANSWER, 0.0, 0.0)],
    "the wrong time": [(said(0, 5, 3), 0.8, 0.8)],
}


@pytest.mark.parametrize("name", [*SAME])
def test_mostly_both_earn_the_same(name: str):
    episode = played(*SAME[name])
    ends = {"interval"} if name != "the wrong time" else set[str]()  # the published one leaves out its last frame
    mended, theirs = parts(episode), published(episode)
    assert {key: value for key, value in mended.items() if key not in ends} == pytest.approx(
        {key: value for key, value in theirs.items() if key not in ends}
    )
    assert all(abs(mended[key] - theirs[key]) < 1e-6 for key in ends)


MENDS = {
    "a great gain earns more than a small one": (
        [(LOOK, 0.5, 0.2), (ANSWER, 0.5, 0.9)],
        {"margin": 1.0, "progress": 1.5},
    ),
    "one right frame is no interval": ([(said(12, 13, 12), 1.0, 1.0)], {"interval": -1.0}),
    "looking last is no answer": ([(LOOK, 1.0, 1.0)] * 3, {"form": -2.0, "steps": -1.0}),
    "step 12 is not step 1": ([(said(10, 19, 12, thinks=THOUGHT.replace("1:", "12:")), 1.0, 1.0)], {"steps": -0.25}),
}


@pytest.mark.parametrize("name", [*MENDS])
def test_where_they_differ_it_is_for_this_reason(name: str):
    turns, differences = MENDS[name]
    episode = played(*turns)
    mended, theirs = parts(episode), published(episode)
    assert {key: mended[key] - theirs[key] for key in SEVEN if abs(mended[key] - theirs[key]) > 1e-6} == pytest.approx(
        differences, abs=0.01
    )


def test_a_bad_beginning_does_not_pay_whatever_it_gains():
    right = played((LOOK, 1.0, 1.0), (ANSWER, 1.0, 1.0))
    late = played((LOOK, 0.0, 0.0), (ANSWER, 1.0, 1.0))
    both = [MENDED.rubric.score([each])[0].total for each in (right, late)]
    assert both[0] is not None
    assert both[1] is not None
    assert both[1] < both[0]
    assert parts(late)["progress"] == 2.0


def test_what_cannot_be_read_earns_nothing():
    for reply in ("", "<answer>", LOOK.replace("[SEG]", "")):
        [earned] = MENDED.rubric.score([played((reply, 0.0, 0.0))])
        assert earned.total is not None
        assert earned.terms.get("form", 0.0) == 0.0
    [silent] = MENDED.rubric.score([played(("", 0.0, 0.0))])
    assert silent.total == 0.0


def test_looking_rightly_and_then_breaking_off_earns_nothing_for_where_it_looked():
    answered, broken = (parts(played((LOOK, 0.0, 0.0), (last, 0.0, 0.0))) for last in (ANSWER, "I do not know."))
    assert (answered["interval"], answered["keyframe"]) == (0.5, 1.0)
    assert (broken["interval"], broken["keyframe"]) == (-0.5, -1.0)


def test_it_is_certified(capsys: pytest.CaptureFixture[str]):
    world = "{use: lab, level: moments}"
    given = [*filled("videoseg_o3/rl"), f"data.train={world}", f"data.eval={world}"]
    assert main(["reward", "certify", "videoseg_o3/rl", *given]) == 0, capsys.readouterr().out[-2000:]
