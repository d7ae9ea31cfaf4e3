"""The terms of two published code bases as their authors run them, quirks included: to compare with published runs.

To train anew, take the library's own rewards. Bit-faithful to VisionReasoner's reward, which VideoSeg-R1 adopts
(dvlab-research/Seg-Zero at 42a3345, verl/utils/reward_score/vision_reasoner.py), and to the registered rewards of
VideoSEG-O3 (Dmmm1997/VideoSEG-O3 at d9681d9, projects/open_r1/rewards.py and rewards_dense.py).

    VisionReasoner                                                 the library
    thinking_format: several answers in one reply pass             one think, one action, nothing else
    segmentation_format: reversed boxes and letters for numbers    a schema with types; an empty list is a list
      earn their credit; an empty list, even rightly, none
    accuracy: sides count a pixel more; one missing key voids      what is said is matched; a right "nothing" earns all
      all; a right "nothing" earns nothing
    non_repeat: every "." ends a sentence, in 1.5 and JSON too     decimals do not split

    VideoSEG-O3
    think_*: the first turn alone is read, and what follows it     every turn
      never
    strict_format_cot: an answer first or a select last passes     looking before answering; the last turn answers
    step_format_cot: "step 12" is step 1, "interaction" an action  whole words
    *vtg_iou*: precision, not IoU: one right frame earns the most  IoU, or precision by that name
      [start, end) without its end, which the env shows            both ends belong to it
      a target that is never there: any interval earns the most    no number, since there is nothing to measure
      a missing number is 0; the last block counts, the env        one parser for env and rewards
      reads the first
      1/2 passes by *_dense, in float32 and from 32 frames on      1/2 is 1/2
    *vtg_keyframe: a target that is never there: always -1         no number
    keyframe IoU: nothing where nothing is earns 0                 1
    lr_keyframe_vs_mask_dense, lr_progressive_keyframe_dense:      rising all the way
      the branch above 0.5 is overwritten, so they stop there
    lr_keyframeiou, simple_lr_keyframe: 0 for one turn             the keyframe counts from the first turn
    mr_progressive_keyframe: the first turn is never the one       against every earlier turn
      to beat
    termination: with both tags the answer counts; selecting on    turn economy
      a bad keyframe pays

What cannot be copied here: their video IoU is a mean over the turn's [SEG] tokens, their keyframe IoU is the last
one's; a turn's `drawn` holds one mask a frame for all of them.
"""

from collections.abc import Sequence
from itertools import islice

import numpy as np

from framework.reward import Reward, shared
from framework.tracing import frame_of
from framework.truth import known, outlined
from framework.types import Answer, Episode, Failure, Malformed, NotApplicable
from rewards import videoseg_o3, vision_reasoner
from rewards.mask import NO_MASK, NOT_KNOWN, TURNS, Where, drawn_on
from rewards.said import UNKNOWN, Scene
from rewards.videoseg_o3 import Played
from rewards.vision_reasoner import Objects

Value = float | Failure


class VisionReasoner(Reward):
    """VisionReasoner's reward of the last reply, term by term.

    thinking_format {0, 1} + segmentation_format [0, 2] = format; format + accuracy [0, 3] + non_repeat {0, 1} =
    overall [0, 7]. Boxes and points are read from the reply itself, in pixels of a picture of size `image`.
    """

    term: vision_reasoner.Term = "overall"
    image: tuple[int, int] = (840, 840)
    """Width and height of the picture in whose pixels the reply speaks and thresholds are counted."""

    def __call__(self, episodes: Sequence[Episode]) -> list[Value]:
        return [self._of(episode) for episode in episodes]

    def _of(self, episode: Episode) -> Value:
        if not episode.turns:
            return Malformed("nothing was said")
        true = self._true(episode) if self.term in vision_reasoner.OF_BOXES else NOTHING
        if isinstance(true, NotApplicable):
            return true
        return vision_reasoner.TERMS[self.term][0](episode.turns[-1].said.text, true)

    def _true(self, episode: Episode) -> Objects | NotApplicable:
        """The true objects of the frame that is spoken of; of the first with a true box, if none was shown."""
        truth = episode.task.truth
        if not truth.boxes:
            return NotApplicable("the task has no true box")
        frame = frame_of(episode, episode.answer or Answer())
        frame = min(truth.boxes) if frame is None else frame
        boxes, points = truth.boxes.get(frame, ()), truth.points.get(frame, ())
        if not boxes and not Scene.of(episode.task, frame).blank:
            return NotApplicable(UNKNOWN)
        if len(boxes) != len(points):
            return NotApplicable("the task has no true point to each true box")
        space = episode.task.video.space(frame).counted_in(*self.image)
        corners = [(box if box.space == space else box.to(space)).corners for box in boxes]  # to the last bit
        places = [point if point.space == space else point.to(space) for point in points]
        at = [(place.x, place.y) for place in places]
        return Objects(np.array(corners, float).reshape(-1, 4), np.array(at, float).reshape(-1, 2))


NOTHING = Objects(np.zeros((0, 4)), np.zeros((0, 2)))


class VideoSegO3(Reward):
    """One of VideoSEG-O3's 25 registered terms; `rewards/videoseg_o3.py` lists them with their ranges.

    Its launch scripts add up strict_format_cot, step_format_cot, lr_vtg_iou_dense, lr_vtg_keyframe, lr_maskiou_dense,
    lr_keyframe_vs_mask_dense and lr_progressive_keyframe_dense.
    """

    term: videoseg_o3.Term = "strict_format_cot"

    def __call__(self, episodes: Sequence[Episode]) -> list[Value]:
        unseen: list[tuple[()]] = [()] * len(episodes)
        frames = shared(_on_frames, episodes) if self.term in videoseg_o3.OF_FRAMES else unseen
        keyframes = shared(_on_keyframes, episodes) if self.term in videoseg_o3.OF_KEYFRAMES else unseen
        return [self._of(*each) for each in zip(episodes, frames, keyframes, strict=True)]

    def _of(
        self,
        episode: Episode,
        frames: Sequence[Sequence[float]] | NotApplicable,
        keyframes: Sequence[float] | NotApplicable,
    ) -> Value:
        if isinstance(frames, NotApplicable):
            return frames
        if isinstance(keyframes, NotApplicable):
            return keyframes
        said = tuple(turn.said.text for turn in episode.turns)
        return videoseg_o3.TERMS[self.term][0](Played(said, episode.task.truth.present, frames, keyframes))


def _on_frames(episodes: Sequence[Episode]) -> list[list[list[float]] | NotApplicable]:
    """Per turn, the IoU on each frame of known truth that it drew on. A turn that drew nothing has 0 on all."""
    return [_clips(*each) for each in zip(episodes, _ious(episodes, "frames", both_empty=1.0), strict=True)]


def _clips(episode: Episode, ious: Sequence[list[float]]) -> list[list[float]] | NotApplicable:
    truth, frames = episode.task.truth, {frame for turn in episode.turns for frame in drawn_on(turn.drawn, "frames")}
    if not outlined(truth):
        return NO_MASK
    there = known(truth, frames)
    if frames and not there:
        return NOT_KNOWN
    return [each if turn.drawn else [0.0] * len(there) for turn, each in zip(episode.turns, ious, strict=True)]


def _on_keyframes(episodes: Sequence[Episode]) -> list[list[float] | NotApplicable]:
    """Per turn, the IoU on its keyframe; 0 if it drew none."""
    return [_large(*each) for each in zip(episodes, _ious(episodes, "keyframe", both_empty=0.0), strict=True)]


def _large(episode: Episode, ious: Sequence[list[float]]) -> list[float] | NotApplicable:
    if not outlined(episode.task.truth):
        return NO_MASK
    if any(drawn_on(turn.drawn, "keyframe") and not each for turn, each in zip(episode.turns, ious, strict=True)):
        return NOT_KNOWN
    return [each[0] if each else 0.0 for each in ious]


def _ious(episodes: Sequence[Episode], where: Where, both_empty: float) -> list[list[list[float]]]:
    """Per episode and turn, the IoU on each frame of known truth, in order."""
    turns = shared(TURNS[where], episodes)
    ious = iter(np.where(np.isnan(turns.pairs.iou), both_empty, turns.pairs.iou).tolist())
    return [[list(islice(ious, count)) for count in several] for several in turns.counts]
