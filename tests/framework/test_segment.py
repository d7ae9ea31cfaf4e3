"""limner segment and limner lab clip, as a person would use them."""

import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from framework.cli import main
from framework.lab.world import World, task
from framework.recipe import find_recipe
from framework.types import Task
from framework.vision import coco, masks, overlap
from framework.vision.frames import frame, probe

NAME = "lab:moments/eval/1"


def segment(media: Path | str, out: Path, *more: str, query: str = "") -> int:
    query = query or task(NAME).question
    return main(["segment", str(media), query, "--recipe", "quickstart", "--out", str(out), *more])


def told(out: Path) -> dict[str, Any]:
    return json.loads((out / "masks.json").read_text())


def agreement(out: Path, truth: Task) -> float:
    """Mean IoU over the frames of a clip."""
    nothing = masks.encode(np.zeros((truth.video.height, truth.video.width), bool))
    said = [coco.read_object(several[0]) for _, several in sorted(told(out)["masks"].items())]
    true = [truth.truth.masks.get(number, nothing) for number in range(truth.video.length)]
    return float(overlap.iou(said, true).mean())


def film(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [each.to_ndarray(format="rgb24") for each in container.decode(video=0)]


def test_what_the_expert_answers_is_drawn_into_every_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert segment(NAME, tmp_path, "--policy", "expert") == 0
    assert agreement(tmp_path, task(NAME)) > 0.95
    shown = film(tmp_path / "overlay.mp4")
    assert len(shown) == 8
    assert shown[0].shape == (256, 256, 3)
    said = (tmp_path / "trace.txt").read_text()
    assert said.startswith("expert\nmoments/eval/1\n")
    assert "▸ <answer>" in said
    assert "1 object(s) on frame" in capsys.readouterr().out


def test_pictures_take_the_place_of_a_film(tmp_path: Path):
    assert segment(NAME, tmp_path, "--policy", "expert", "--png") == 0
    truth = task(NAME)
    number = max(truth.truth.boxes)
    drawn = cv2.imread(str(tmp_path / "overlay" / f"{number:05}.png"))
    plain = frame(truth.video, number)[..., ::-1].repeat(4, 0).repeat(4, 1)
    changed = (drawn != plain).any(-1)
    target = masks.decode(truth.truth.masks[number]).repeat(4, 0).repeat(4, 1)
    assert overlap.iou([masks.pack(changed)], [masks.pack(target)])[0] > 0.95


def test_a_clip_of_the_lab_is_a_film_of_the_same_frames(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "clip.mp4"
    assert main(["lab", "clip", "--out", str(path), "--level", "moments", "-n", "1"]) == 0
    assert task(NAME).question in capsys.readouterr().out
    video = probe(path)
    assert (video.length, video.width, video.height) == (8, 256, 256)
    for number in range(8):
        true = frame(task(NAME).video, number).repeat(4, 0).repeat(4, 1)
        assert np.abs(frame(video, number).astype(int) - true).mean() < 4
    assert main(["lab", "clip", "--out", str(tmp_path / "clip"), "--level", "moments", "-n", "1"]) == 0
    exact = frame(probe(tmp_path / "clip"), 5)
    assert np.array_equal(exact[::4, ::4], frame(task(NAME).video, 5))
    assert main(["lab", "clip", "--out", str(tmp_path / "clip.avi")]) == 2
    assert "clip.avi: a film is written as .mp4" in capsys.readouterr().err


def test_a_model_that_has_learned_nothing_leaves_its_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model = find_recipe("quickstart", ["reasoner.grounding=0"]).reasoner.folder()
    clip = tmp_path / "clip.mp4"
    assert main(["lab", "clip", "--out", str(clip), "--level", "moments", "-n", "1"]) == 0
    code = segment(clip, tmp_path, "--model", model)
    found = told(tmp_path)
    assert code == (0 if found["masks"] else 1)
    assert len(film(tmp_path / "overlay.mp4")) == 8
    assert found["policy"] == f"model {model}"
    assert (tmp_path / "trace.txt").read_text().startswith(f"model {model}\nclip\n    Find the ")
    said = capsys.readouterr().out
    assert found["masks"] or "no mask is drawn" in said


def test_an_image_comes_back_as_a_picture(tmp_path: Path):
    clip = World(level="still", split="eval", count=1).task(0)
    path = tmp_path / "still.png"
    cv2.imwrite(str(path), frame(clip.video, 0)[..., ::-1])
    assert segment(path, tmp_path, "--policy", "hasty", query=clip.question) == 0
    assert told(tmp_path)["frames"] == 1
    assert agreement(tmp_path, clip) > 0.5
    drawn = cv2.imread(str(tmp_path / "overlay.png"))
    assert drawn is not None
    assert drawn.shape == (256, 256, 3)


def sought(out: Path, *more: str) -> str:
    """What is left of a question about a clip whose middle lacks what is asked for, with a sampler."""
    name = "lab:search/eval/9"
    asked = ["--recipe", "videoseg_r1/mini", "--out", str(out), *more, "reasoner.grounding=0"]
    main(["segment", name, task(name).question, *asked])
    return (out / "trace.txt").read_text()


def test_where_to_look_is_asked_first_as_in_an_evaluation(tmp_path: Path):
    said = sought(tmp_path, "--policy", "expert")
    assert said.count("▸") == 4 + 4 + 1  # K replies each of two questions, and the game
    assert told(tmp_path)["frame"] in task("lab:search/eval/9").truth.boxes
    assert agreement(tmp_path, task("lab:search/eval/9")) > 0.9


def test_a_model_is_led_by_its_sampler_as_well(tmp_path: Path):
    model = find_recipe("videoseg_r1/mini", ["reasoner.grounding=0"]).reasoner.folder()
    assert sought(tmp_path, "--model", model).count("▸") > 4


def test_without_a_propagator_only_the_frame_spoken_of_has_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert segment(NAME, tmp_path, "--policy", "expert", "propagator=null") == 0
    found = told(tmp_path)
    assert list(found["masks"]) == [str(found["frame"])]
    assert "no propagator is named, so on no other" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("media", "more", "said"),
    [
        (NAME, ["segmenter=null"], "the recipe names no segmenter; add one"),
        (NAME, ["segmenter=color_flod"], "no segmenter 'color_flod'; did you mean 'color_flood'?"),
        (NAME, ["--model", "nowhere"], "nowhere: holds no model (config.json)"),
        (NAME, ["--policy", "expret"], "no policy 'expret'; did you mean 'expert'?"),
        ("lab:glanse/eval/0", ["--policy", "expert"], "no level 'glanse'; did you mean 'glance'?"),
        ("nowhere.mp4", ["--policy", "hasty"], "nowhere.mp4: there is no such file or folder"),
        ("empty.mp4", ["--policy", "hasty"], "empty.mp4: the file is empty"),
        ("cut.jpg", ["--policy", "hasty"], "cut.jpg (frame 0): no whole image can be decoded"),
        ("whole.png", ["--policy", "expert"], "no frame has a box, so no expert can answer it"),
    ],
)
def test_a_mistake_ends_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    media: str,
    more: list[str],
    said: str,
):
    monkeypatch.chdir(tmp_path)
    Path("empty.mp4").touch()
    image = frame(task(NAME).video, 0)
    cv2.imwrite("whole.png", image)
    Path("cut.jpg").write_bytes(cv2.imencode(".jpg", image)[1].tobytes()[:90])
    assert segment(media, tmp_path / "out", *more) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]
