import cv2
import numpy as np
import pytest
from PIL import Image

from framework.errors import DataError
from framework.vision import masks
from framework.vision.predictions import Prediction, Writer, export, opened, read_png, stems

NAMES = {0: "00000", 1: "00001", 2: "00002"}


def painted(frame, width=9, height=7):
    dense = np.zeros((height, width), bool)
    dense[1:4, frame : frame + 3] = True
    return dense


def test_what_is_written_is_read(tmp_path):
    drawn = {0: masks.encode(painted(0)), 2: masks.pack(painted(2))}
    with Writer(tmp_path / "predictions.parquet") as file:
        file.add("sav/v1", "0", drawn)
        file.add("v2", "7", {})
    for path in (tmp_path, tmp_path / "predictions.parquet"):
        found = opened(path).read("sav/v1", "0", NAMES, 9, 7)
        assert found
        assert {frame: masks.decode(mask).tolist() for frame, mask in found.masks.items()} == {
            0: painted(0).tolist(),
            2: painted(2).tolist(),
        }
        assert opened(path).read("v2", "7", NAMES, 9, 7) == Prediction({})
        assert opened(path).read("v2", "8", NAMES, 9, 7) is None


def test_many_rows_are_found_in_any_order(tmp_path):
    with Writer(tmp_path / "predictions.parquet") as file:
        for number in range(150):
            file.add("v", str(number), {0: masks.encode(painted(number % 6))})
    rows = opened(tmp_path)
    for number in (149, 0, 70, 3):
        assert rows.read("v", str(number), {0: ""}, 9, 7) == Prediction({0: masks.encode(painted(number % 6))})


def test_a_file_whose_writing_failed_does_not_appear(tmp_path):
    def write():
        with Writer(tmp_path / "predictions.parquet") as file:
            file.add("v", "0", {0: masks.encode(painted(0))})
            file.add("v", "1", {0: masks.encode(painted(0)), 1: masks.encode(painted(0, width=8))})

    with pytest.raises(DataError, match=r"the masks of video v, expression 1 are of sizes \[\(8, 7\), \(9, 7\)\]"):
        write()
    assert not list(tmp_path.iterdir())


def test_an_expression_that_is_there_twice_is_named(tmp_path):
    with Writer(tmp_path / "predictions.parquet") as file:
        file.add("v", "0", {})
        file.add("v", "0", {})
    with pytest.raises(DataError, match="video v, expression 0 is there twice"):
        opened(tmp_path).read("v", "0", {}, 9, 7)


@pytest.mark.parametrize("level", [1, 255])
def test_pngs_of_zero_and_one_or_255_are_read(tmp_path, level):
    folder = tmp_path / "Annotations" / "v1" / "0"
    folder.mkdir(parents=True)
    cv2.imwrite(str(folder / "00001.png"), painted(1).astype(np.uint8) * level)
    cv2.imwrite(str(folder / "00002.png"), np.zeros((7, 9), np.uint8))
    found = opened(tmp_path).read("v1", "0", NAMES, 9, 7)
    assert found
    assert sorted(found.masks) == [1, 2]
    assert masks.decode(found.masks[1]).tolist() == painted(1).tolist()
    assert found.level == level


def test_palettes_and_bits_are_read_by_their_numbers(tmp_path):
    paletted = Image.fromarray(painted(0).astype(np.uint8)).convert("P")
    paletted.putpalette([0, 0, 0, 128, 0, 0])
    paletted.save(tmp_path / "p.png")
    Image.fromarray(painted(0)).save(tmp_path / "b.png")
    for name in ("p.png", "b.png"):
        dense, level = read_png(tmp_path / name)
        assert dense.tolist() == painted(0).tolist()
        assert level == 1


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (painted(0).astype(np.uint8) * 3, "holds 0, 3; a mask has 0 for background, and 1 or 255"),
        (painted(0).astype(np.uint8) * 255 + np.eye(7, 9, dtype=np.uint8) * (~painted(0)), "holds 0, 1, 255"),
        (np.zeros((7, 9, 3), np.uint8), "holds colours"),
    ],
)
def test_pngs_that_are_no_masks_are_refused_by_name(tmp_path, pixels, said):
    cv2.imwrite(str(tmp_path / "00004.png"), pixels)
    with pytest.raises(DataError, match=rf"00004\.png: {said}"):
        read_png(tmp_path / "00004.png")


def test_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(DataError, match=r"cut\.png: cannot be decoded"):
        read_png(tmp_path / "cut.png")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"cut\.parquet: is no whole parquet file"):
        opened(tmp_path / "cut.parquet").read("v", "0", NAMES, 9, 7)
    with pytest.raises(DataError, match="there is no such file or folder"):
        opened(tmp_path / "nothing")


def test_masks_of_another_size_are_refused_by_video_and_frame(tmp_path):
    with Writer(tmp_path / "predictions.parquet") as file:
        file.add("v1", "0", {2: masks.encode(painted(0))})
    with pytest.raises(DataError, match="video v1, expression 0, frame 2: the mask is 9×7, the frame 18×14"):
        opened(tmp_path).read("v1", "0", NAMES, 18, 14)


def test_what_a_server_gets_is_what_was_drawn(tmp_path):
    export(tmp_path, "v1", "0", {"00000": masks.encode(painted(0))})
    written = cv2.imread(str(tmp_path / "v1" / "0" / "00000.png"), cv2.IMREAD_UNCHANGED)
    assert np.asarray(written).tolist() == (painted(0).astype(np.uint8) * 255).tolist()


def test_frames_are_called_as_their_files_or_by_number():
    assert stems(["a/00005.jpg", "00010.jpg"], 2) == ["00005", "00010"]
    assert stems([], 2) == ["00000", "00001"]
