from pathlib import Path

import cv2
import numpy as np
import pytest

from framework.errors import DataError, GeometryError
from framework.lab.world import World
from framework.types import Broken, Mask, Task, Video
from framework.vision import masks, metrics, overlap
from framework.vision.boxes import Box, Point
from framework.vision.colour import BoxFill, ColorFlood, ColorTrack
from framework.vision.frames import probe
from framework.vision.segmenter import Asked, Found, Prompt, Segmenter


def tasks(level: str, count: int = 12) -> list[Task]:
    world = World(level=level, split="eval", count=count)
    return [world.task(index) for index in range(count)]


def largest(task: Task) -> int:
    areas = {frame: masks.area(mask) for frame, mask in task.truth.masks.items()}
    return max(areas, key=lambda frame: areas[frame])


def found(segmenter: Segmenter, *asked: Asked) -> list[Found]:
    answers = segmenter.segment(asked)
    assert all(isinstance(each, Found) for each in answers), answers
    return [each for each in answers if isinstance(each, Found)]


@pytest.mark.parametrize("level", ["glance", "order", "film", "crowd"])
def test_a_box_is_flooded_to_nearly_the_true_mask_and_filled_to_far_less(level: str):
    played = tasks(level)
    asked = [Asked(each.video, largest(each), Prompt(box=each.truth.boxes[largest(each)][0])) for each in played]
    true = [each.truth.masks[largest(each)] for each in played]
    flooded = overlap.iou([each.mask for each in found(ColorFlood(), *asked)], true).mean()
    filled = overlap.iou([each.mask for each in found(BoxFill(), *asked)], true).mean()
    assert flooded >= 0.85 > filled + 0.1


@pytest.mark.parametrize(("level", "least"), [("glance", 0.9), ("order", 0.9), ("film", 0.85)])
def test_a_mask_is_followed_through_the_clip_both_ways(level: str, least: float):
    scores = list[float]()
    for task in tasks(level):
        video, start = task.video, largest(task)
        trail = ColorTrack().propagate(video, start, [task.truth.masks[start]])
        nothing = Mask((video.width * video.height,), video.width, video.height)
        true = [masks.decode(task.truth.masks.get(frame, nothing)) for frame in range(video.length)]
        said = [masks.decode(trail[frame][0]) for frame in range(video.length)]
        scores.append(metrics.j_and_f(np.stack(said), np.stack(true)).mean)
    assert np.mean(scores) >= least


# ---- a clip made by hand: a red bar and a blue one, each as it is from above -----------------------------------------


@pytest.fixture
def clip(tmp_path: Path) -> Video:
    """Frames of 40 × 30 on which two red things lie; the left one goes to the right and is gone on frame 3."""
    for number in range(5):
        image = np.full((30, 40, 3), 100, np.uint8)
        image[20:28, 30:38] = image[2:6, 30:34] = (220, 40, 40)
        if number != 3:
            image[4:12, 4 + 2 * number : 12 + 2 * number] = (220, 40, 40)
        cv2.imwrite(str(tmp_path / f"{number}.png"), image[..., ::-1])
    return probe(tmp_path)


def box(video: Video, frame: int, *corners: float) -> Box:
    return Box(*corners, space=video.space(frame))


def area(*found: Found) -> list[int]:
    return [masks.area(each.mask) for each in found]


def test_a_point_means_the_piece_it_lies_on_and_a_point_beside_takes_one_away(clip: Video):
    on, other = Point(5.0, 5.0, clip.space(0)), Point(31.0, 21.0, clip.space(0))
    one, both, again = found(
        ColorFlood(),
        Asked(clip, 0, Prompt(points=(on,))),
        Asked(clip, 0, Prompt(points=(on, other))),
        Asked(clip, 0, Prompt(points=(on, other), labels=(True, False))),
    )
    assert area(one, both) == [64, 128]
    assert again == one


def test_a_rough_mask_or_a_box_that_is_too_small_grows_to_the_piece(clip: Video):
    rough = np.zeros((30, 40), bool)
    rough[5:9, 3:9] = True
    asked = [Prompt(mask=masks.pack(rough)), Prompt(box=box(clip, 0, 6, 6, 9, 9))]
    assert area(*found(ColorFlood(), *(Asked(clip, 0, each) for each in asked))) == [64, 64]


def test_a_prompt_may_be_said_in_any_space_of_its_frame(clip: Video):
    thousand = box(clip, 0, 4, 4, 12, 12).to(clip.space(0).counted_in(1000, 1000))
    assert area(*found(ColorFlood(), Asked(clip, 0, Prompt(box=thousand)))) == [64]
    with pytest.raises(GeometryError):
        BoxFill().segment([Asked(clip, 1, Prompt(box=thousand))])


def test_where_there_is_nothing_nothing_is_found(clip: Video):
    outside, flat = box(clip, 0, 50, 50, 60, 60), box(clip, 0, 5, 5, 5, 5)
    for segmenter in (BoxFill(), ColorFlood()):
        assert area(*found(segmenter, *(Asked(clip, 0, Prompt(box=each)) for each in (outside, flat)))) == [0, 0]
    assert area(*found(ColorFlood(), Asked(clip, 0, Prompt(points=(Point(99, 99, clip.space(0)),))))) == [0]
    on, beside = Point(5.0, 5.0, clip.space(0)), Point(6.0, 5.0, clip.space(0))
    taken_back = Prompt(box=box(clip, 0, 5, 5, 5, 5), points=(on, beside), labels=(True, False))
    (nothing,) = found(ColorFlood(), Asked(clip, 0, taken_back))
    assert (masks.area(nothing.mask), nothing.score) == (0, 0.0)


def test_a_frame_that_cannot_be_read_is_broken_and_spoils_no_other(clip: Video):
    whole, bad = Path(clip.source), Path(clip.source) / "2.png"
    bad.write_bytes(bad.read_bytes()[:40])
    asked = [Asked(clip, frame, Prompt(box=box(clip, frame, 4, 4, 12, 12))) for frame in (2, 0)]
    broken, good = ColorFlood().segment(asked)
    assert isinstance(broken, Broken)
    assert f"{whole / '2.png'} (frame 2)" in broken.reason
    assert isinstance(good, Found)


def test_a_prompt_of_which_nothing_can_be_made_is_refused_by_frame(clip: Video):
    point = Point(5, 5, clip.space(1))
    for segmenter, prompt, said in (
        (BoxFill(), Prompt(points=(point,)), "the prompt says points, BoxFill takes box; give that"),
        (ColorFlood(), Prompt(), "the prompt says nothing, ColorFlood takes box or mask or points"),
        (ColorFlood(), Prompt(points=(point,), labels=(True, False)), "1 points have 2 labels"),
        (ColorFlood(), Prompt(mask=Mask((4,), 2, 2)), "the mask is 2×2, the frame 40×30"),
    ):
        with pytest.raises(DataError) as error:
            segmenter.segment([Asked(clip, 1, prompt)])
        assert f"{clip.source} (frame 1): {said}" in str(error.value)


def test_several_things_are_followed_and_one_that_is_gone_comes_back(clip: Video):
    dense = np.zeros((2, 30, 40), bool)
    dense[0, 4:12, 8:16] = dense[1, 20:28, 30:38] = True
    start = [masks.encode(each) for each in dense]
    trail = ColorTrack().propagate(clip, 2, start)
    assert list(trail) == [0, 1, 2, 3, 4]
    assert trail[2] == tuple(start)
    assert [[masks.area(each) for each in trail[frame]] for frame in trail] == [[64, 64]] * 3 + [[0, 64], [64, 64]]
    assert masks.box(trail[4][0], clip.space(4)) == box(clip, 4, 12, 4, 20, 12)
    assert ColorTrack().propagate(clip, 2, start, [4, 0]) == {0: trail[0], 4: trail[4]}
    assert ColorTrack().propagate(clip, 2, []) == {frame: () for frame in range(5)}


def test_an_empty_mask_stays_empty(clip: Video):
    empty = masks.encode(np.zeros((30, 40), bool))
    assert all(
        masks.area(each) == 0 for several in ColorTrack().propagate(clip, 0, [empty]).values() for each in several
    )


def test_what_cannot_be_followed_is_refused_by_frame(clip: Video):
    with pytest.raises(DataError, match=r"\(frame 1\): the mask is 2×2, the frame 40×30"):
        ColorTrack().propagate(clip, 1, [Mask((4,), 2, 2)])
    with pytest.raises(DataError, match="there is no frame 7; there are 0–4"):
        ColorTrack().propagate(clip, 1, [], [7])
