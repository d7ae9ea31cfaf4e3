"""Images, questions and boxes, a line of json each."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from framework.source import Source
from framework.types import Task, Truth
from framework.vision.boxes import Box
from framework.vision.frames import probe


class Rows(Source):
    """{"image": "/data/7.jpg", "question": "Find the red cup.", "box": [x0, y0, x1, y1]}, in pixels."""

    file: str

    def size(self) -> int:
        return len(rows(self.file))

    def task(self, index: int) -> Task:
        row = rows(self.file)[index]
        video = probe(Path(row["image"]))  # an image is a video of one frame
        box = Box(*row["box"], space=video.space(0))
        truth = Truth(present=(True,), boxes={0: (box,)})
        return Task(id=f"{Path(self.file).stem}/{index}", question=row["question"], video=video, truth=truth)


@cache
def rows(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(file).read_text().splitlines()]
