"""What frames cost: a window of a film that a group looks at again and again, and the event loop while pixels are made.

a window    16 episodes × 4 turns × 12 frames of 5 seconds: each decoded once, against decoding each time
the loop    64 episodes × 16 frames become pixels, hashes and patches in threads; how late is a task that only ticks?
memory      of `limner dry`, with one episode a task and with eight (memory.py)
"""

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from framework.bench import memory
from framework.bench.race import Row, race, tables
from framework.reasoners.lab import Lab
from framework.reasoners.player import ModelPolicy
from framework.reasoners.sampling import Request, Sampled
from framework.train.pulse import Pulse
from framework.training import Sampling
from framework.types import Observation, Role, Video
from framework.vision.boxes import Interval
from framework.vision.film import Film
from framework.vision.footage import Pixels
from framework.vision.frames import Store, painted, probe
from framework.vision.plan import Look, within

LENGTH, RATE, KEYS = 288, 24, 48
"""Frames of the film, frames a second, frames from one key frame to the next."""
WINDOW = Interval(96, 215)
"""Five seconds."""
LOOK = Look(frames=12, max_pixels=25_088)
PAINTERS = 4
"""Threads, as a process that plays has them."""


def measure(folder: Path) -> dict[str, Any]:
    video = film(folder / "film.mp4")
    return {"window": window(video), "loop": stall(video), "memory": memory.growth()}


def shown(figures: Mapping[str, Any]) -> Iterator[Table]:
    """As tables."""
    yield from tables([figures["window"]])
    loop, grown = figures["loop"], figures["memory"]
    table = Table("while pixels are made", "late by", "1 of 100 by", "at most", "", box=None, header_style="dim")
    late = f"{loop['p50_ms']:.1f} ms", f"{loop['p99_ms']:.1f} ms", f"{loop['most_ms']} ms"
    table.add_row(loop["what"], *late, "✓" if loop["p99_ms"] <= loop["most_ms"] else "✗")
    yield table
    heads = ("episodes", "frames decoded", "pictures seen", "peak memory")
    table = Table(grown["what"], *heads, box=None, header_style="dim")
    for run in grown["runs"]:
        seen, peak = f"{run['pictures_mib']} MiB", f"{run['peak_mib']} MiB"
        table.add_row(f"group {run['group']}", str(run["episodes"]), str(run["decoded"]), seen, peak)
    yield table


def film(path: Path, length: int = LENGTH, width: int = 854, height: int = 480) -> Video:
    """Things that move over a background that moves."""
    import av
    import cv2

    ground = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8), (0, 0), 3)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "23", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = KEYS
        for number in range(length):
            image = np.roll(ground, 2 * number, axis=1).astype(np.uint8, copy=False)
            cv2.circle(image, (100 + 3 * number % (width - 200), height // 2), height // 8, (255, 80, 0), -1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return probe(path)


def window(video: Video, episodes: int = 16, turns: int = 4, rounds: int = 3) -> Row:
    """Both sides read with one open decoder, in order, and paint the same pictures."""
    pictures = [LOOK.picture(video, number, Role.INTERVAL, 28) for number in within(WINDOW, LOOK.frames)]
    stores: list[Store] = []

    def ours() -> list[Pixels]:
        stores.append(Store())
        return [stores[-1].picture(picture) for _ in range(episodes * turns) for picture in pictures]

    decoder = Film(Path(video.source))

    def theirs() -> list[Pixels]:
        return [
            painted(decoder.read(picture.frame)[picture.frame], picture)
            for _ in range(episodes * turns)
            for picture in pictures
        ]

    what = f"a picture of {len(pictures)}, seen by {episodes} episodes × {turns} turns"
    per = episodes * turns * len(pictures)
    row = race(what, ours, theirs, against="decoding each time", rounds=rounds, per=per, least=20)
    seen = zip(ours(), theirs(), strict=True)
    return row | {
        "decoded": max(store.decoded for store in stores),
        "unique": len(pictures),
        "equal": all(np.array_equal(*pair) for pair in seen),
    }


def stall(video: Video, episodes: int = 64, frames: int = 16, group: int = 8) -> Row:
    """All episodes begin at once; those of a group see the same frames. It is timed from first to last."""
    from framework.train.sample import Sample
    from framework.vision.frames import STORE

    voice = Lab(unit=28).voice()
    limits = Sampling(prompt_tokens=frames * 64)
    painters = ThreadPoolExecutor(PAINTERS, "paint")
    decoded = STORE.decoded

    async def silent(request: Request, /) -> Sampled:
        return Sampled((voice.stop_tokens[0],), (0.0,), finished=True)

    async def played(number: int) -> None:
        shown = [LOOK.picture(video, frame, Role.OVERVIEW, 28) for frame in _frames(video, number // group, frames)]
        policy = ModelPolicy(voice, silent, limits, painters=painters)
        await policy.act((), Observation(tuple(shown)))
        tokens = policy.ledger.close()
        await asyncio.get_running_loop().run_in_executor(painters, Sample.of, tokens, policy.images, voice)

    async def together(count: int) -> Row:
        pulse = Pulse()
        began = pulse.begin()
        await asyncio.gather(*(played(number) for number in range(count)))
        late = [seconds for _, seconds in pulse.late]
        return {"p50_ms": 1e3 * float(np.median(late)), "p99_ms": 1e3 * pulse.late_since(began), "beats": len(late)}

    asyncio.run(together(1))  # what is loaded on first use
    with painters:
        row = asyncio.run(together(episodes))
    what = f"event loop, {episodes} episodes × {frames} frames"
    return {"what": what, **row, "most_ms": 50, "decoded": STORE.decoded - decoded}


def _frames(video: Video, group: int, count: int) -> list[int]:
    return [(group * count + step) % video.length for step in range(count)]
