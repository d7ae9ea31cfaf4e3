import json
from pathlib import Path

import numpy as np
import pytest

from framework.errors import DataError
from framework.types import Mask
from framework.vision import masks
from framework.vision.metrics import j_and_f
from framework.vision.predictions import Prediction
from framework.vision.protocols import PROTOCOLS
from framework.vision.protocols.protocol import Case

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "revos_extras.json").read_text())["cases"]
H, W = 24, 40


def at(x, y=4, side=8):
    dense = np.zeros((H, W), bool)
    dense[y : y + side, x : x + side] = True
    return dense


def masked(frames):
    return {frame: masks.encode(dense) for frame, dense in frames.items()}


def case(objects, **changes):
    usual = {
        "video": "v",
        "expression": "0",
        "length": 4,
        "width": W,
        "height": H,
        "annotated": (0, 1, 2, 3),
        "objects": tuple(masked(each) for each in objects),
    }
    return Case(**usual | changes)


def of(name, *pairs, compat=False):
    """The lines of a table, by name."""
    protocol = PROTOCOLS[name](compat=compat)
    videos = {}
    for truth, said in pairs:
        videos.setdefault(truth.video, []).append((truth, said))
    scored = [each for video in videos.values() for each in protocol.video(video)]
    return {line.name: line for line in protocol.lines(scored)}


DOG = {0: at(0), 1: at(2), 2: at(4)}
CLIP = np.stack([at(0), at(2), at(4), np.zeros((H, W), bool)])


@pytest.mark.parametrize("name", sorted({*PROTOCOLS} - {"ref_davis17"}))
def test_a_perfect_prediction_scores_one_and_none_scores_nothing(name):
    full = masked(dict(enumerate(CLIP)))
    truth = case([DOG], foreground=masked(DOG))
    found = of(name, (truth, Prediction(full)), (truth, None))["overall"]
    assert (found.n, found.missing) == (2, 1)
    assert all(0.5 <= value < 1 for value in found.values.values()), found
    assert (found.values["j"], found.values["f"]) == (0.5, 0.5)
    assert set(PROTOCOLS[name].columns) <= set(found.values)


@pytest.mark.parametrize("name", ["mevis", "ref_davis17_per_expression", "reason_vos", "ref_sav", "ref_youtube_vos"])
def test_j_and_f_are_those_of_the_clip(name):
    drawn = np.stack([at(1, 5), at(2), np.zeros((H, W), bool), at(9)])
    found = of(name, (case([DOG]), Prediction(masked(dict(enumerate(drawn))))))["overall"]
    whole = j_and_f(drawn, CLIP)
    assert found.values == pytest.approx({"j": whole.j, "f": whole.f, "j_and_f": whole.mean})


def test_a_long_clip_is_scored_part_by_part(monkeypatch):
    monkeypatch.setattr("framework.vision.protocols.protocol.AT_ONCE", H * W * 3)
    test_j_and_f_are_those_of_the_clip("mevis")


def test_objects_are_drawn_together_even_where_they_overlap():
    truth = case([{0: at(0)}, {0: at(4)}], annotated=(0,))
    found = of("revos", (truth, Prediction(masked({0: at(0) | at(4)}))))["overall"]
    assert (found.values["j"], found.values["a"]) == (1, 1)


def test_a_frame_that_was_not_predicted_scores_zero_and_is_counted():
    (scored,) = PROTOCOLS["mevis"]().video([(case([DOG]), Prediction(masked({0: at(0), 1: at(2)})))])
    assert (scored.values["j"], scored.missing, scored.missing_frames) == (0.5, False, 2)


def test_only_annotated_frames_count():
    said = Prediction(masked({0: at(0), 1: at(20), 3: CLIP[3]}))
    assert of("mevis", (case([DOG], annotated=(0, 3)), said))["overall"].values["j_and_f"] == 1
    with pytest.raises(DataError, match="video v, expression 0: no frame is annotated"):
        of("mevis", (case([DOG], annotated=()), said))


# ---- ReVOS -----------------------------------------------------------------------------------------------------------


def golden(given):
    """A case of the executed reference, and what was predicted there."""
    height, width = given["size"]

    def seen(frames):
        found = {frame: Mask(tuple(each["counts"]), width, height) for frame, each in enumerate(frames) if each}
        return {frame: mask for frame, mask in found.items() if masks.area(mask)}

    drawn = {n: Mask(tuple(each["counts"]), width, height) for n, each in enumerate(given["prediction"])}
    truth = Case(
        video="v",
        expression="0",
        type="referring",
        length=len(drawn),
        width=width,
        height=height,
        annotated=tuple(drawn),
        objects=tuple(seen(each) for each in given["instances"]),
        foreground=seen(given["foreground"]),
    )
    return truth, Prediction(drawn, given["prediction_value"])


@pytest.mark.parametrize("given", GOLDEN, ids=[each["id"] for each in GOLDEN])
def test_revos_is_as_its_script_has_it_or_as_it_should_be(given):
    for compat, expected in ((True, given["reference"]), (False, given["clean"])):
        values = of("revos", golden(given), compat=compat)["overall"].values
        near = 0.5e-4 + 1e-9 if compat else 1e-9  # the script rounds to 0.01 %
        assert [values[name] for name in "jfar"] == pytest.approx([expected[name] for name in "JFAR"], abs=near)


def test_overall_revos_is_the_mean_of_two_means():
    perfect, empty = Prediction(masked(dict(enumerate(CLIP)))), Prediction(masked(dict.fromkeys(range(4), CLIP[3])))
    kinds = ["referring", "referring", "reasoning", "hallucination"]
    said = [perfect, empty, perfect, perfect]
    cases = [case([DOG] if kind != "hallucination" else [], type=kind, foreground=masked(DOG)) for kind in kinds]
    lines = of("revos", *zip(cases, said, strict=True))
    assert list(lines) == ["referring", "reasoning", "hallucination", "overall"]
    assert lines["referring"].values["j"] == (1 + 0.25) / 2
    assert lines["overall"].values["j"] == (1 + (1 + 0.25) / 2) / 2
    assert lines["overall"].n == 4
    assert lines["hallucination"].values["r"] == pytest.approx(0.25, abs=1e-6)


def test_without_a_foreground_there_is_no_robustness():
    found = of("revos", (case([DOG]), Prediction(masked(dict(enumerate(CLIP))))))["overall"]
    assert "r" not in found.values
    assert found.values["a"] == 1


def test_the_script_of_revos_gives_nothing_to_a_prediction_that_lacks_a_frame():
    pair = (case([DOG]), Prediction(masked({0: at(0), 1: at(2), 2: at(4)})))
    assert of("revos", pair, compat=True)["overall"].values["j"] == 0
    assert of("revos", pair)["overall"].values["j"] == 0.75


# ---- others ----------------------------------------------------------------------------------------------------------


def test_long_rvos_asks_when_the_target_is_seen():
    drawn = np.stack([CLIP[3], at(2), at(4, side=4), at(4)])
    found = of("long_rvos", (case([DOG]), Prediction(masked(dict(enumerate(drawn))))))["overall"].values
    assert found["t_iou"] == 2 / 4
    assert found["v_iou"] == (1 + 0.25) / 4


def test_the_script_for_long_rvos_drops_what_it_does_not_find():
    part = Prediction(masked({0: at(0), 1: at(2), 2: at(4)}))
    pairs = [(case([DOG]), part), (case([DOG], expression="1"), None), (case([DOG], video="71fb69bbcd"), part)]
    dropped, kept = of("long_rvos", *pairs, compat=True)["overall"], of("long_rvos", *pairs)["overall"]
    assert (dropped.n, dropped.missing, dropped.values["j"], dropped.values["t_iou"]) == (1, 0, 1, 1)
    assert (kept.n, kept.missing, kept.values["j"]) == (3, 1, 0.5)


def test_groundmore_looks_at_twenty_frames():
    truth = case([{50: at(0)}], length=100, annotated=tuple(range(100)))
    frames = PROTOCOLS["groundmore"]().frames(truth)
    assert (len(frames), frames[0], frames[1], frames[-1]) == (20, 0, 5, 99)
    drawn = {frame: CLIP[3] for frame in frames}
    assert of("groundmore", (truth, Prediction(masked(drawn))))["overall"].values["j_and_f"] == 1
    lines = of("groundmore", (truth, None), (truth, Prediction(masked(drawn))), compat=True)
    assert (lines["overall"].n, lines["overall"].values["j"]) == (1, 1)


def test_by_type_is_the_mean_of_types_where_papers_say_so():
    perfect, pairs = Prediction(masked(dict(enumerate(CLIP)))), []
    for kind, said in (("long", perfect), ("short", None), ("short", None), ("short", perfect)):
        pairs.append((case([DOG], type=kind), said))
    assert of("ref_sav", *pairs)["overall"].values["j"] == pytest.approx((1 + 1 / 3) / 2)
    assert of("mevis", *pairs)["overall"].values["j"] == 0.5


def test_images_have_g_and_c_iou_and_what_is_ignored_does_not_count():
    large = case([{0: at(0, side=8)}], annotated=(0,), length=1)
    small = case([{0: at(0, side=4)}], annotated=(0,), length=1, expression="1")
    pairs = [(large, Prediction(masked({0: at(0, side=8)}))), (small, None)]
    found = of("refcoco", *pairs)["overall"].values
    assert found["g_iou"] == 0.5
    assert found["c_iou"] == 64 / (64 + 16)
    assert "united" not in found
    wrong = case([{0: at(0)}], annotated=(0,), length=1, ignored=masked({0: at(20)}))
    assert of("reason_seg", (wrong, Prediction(masked({0: at(0) | at(20)}))))["overall"].values["g_iou"] == 1


def davis(object, annotator, seen, expression):
    return case([seen], expression=expression, annotated=(0,), extra={"object": object, "annotator": annotator})


def test_ref_davis_makes_one_picture_of_what_each_annotator_asked_for():
    left, right = {0: at(0)}, {0: at(16)}
    cases = [davis(1, 0, left, "0"), davis(1, 1, left, "1"), davis(2, 0, right, "4"), davis(2, 1, right, "5")]
    both, said = {0: at(0) | at(16)}, [left, left, {0: at(0) | at(16)}, right]
    lines = of("ref_davis17", *((one, Prediction(masked(each))) for one, each in zip(cases, said, strict=True)))
    assert lines["annotator 1"].values["j"] == 1, "what the first object has, the second does not lose by"
    assert lines["overall"].values["j"] == 1
    alone = of("ref_davis17_per_expression", (cases[2], Prediction(masked(both))))
    assert alone["overall"].values["j"] == 0.5


def test_ref_davis_as_evaluated_matches_objects_whatever_was_said_of_which():
    left, right = {0: at(0)}, {0: at(16)}
    cases = [davis(1, 0, left, "0"), davis(2, 0, right, "4")]
    swapped = [(cases[0], Prediction(masked(right))), (cases[1], Prediction(masked(left)))]
    assert of("ref_davis17", *swapped)["overall"].values["j"] == 0
    assert of("ref_davis17", *swapped, compat=True)["overall"].values["j"] == 1


def test_ref_davis_needs_to_know_who_asked_for_what():
    with pytest.raises(DataError, match="video v, expression 0: does not say its object"):
        of("ref_davis17", (case([DOG]), None))
