"""A segmenter on a cluster: the same answers, from Ray actors that each hold a model.

    asked ─▶ by frame, each always to the same actor ─▶ queue ─▶ actor: SAM 2 and the frames it saw last ─▶ run lengths
                                                          └─ full, too late, dead again after a restart ─▶ Broken

    segmenter: {use: "framework.train.segmenter_pool:Pool", of: {use: sam2, path: …}, actors: 2, gpus: 0.5}

Where no Ray runs, on a laptop, the segmenter is asked in this process.
"""

import os
import queue
import threading
import zlib
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, cast

from pydantic import Field

from framework.config import SerializeAsAny, chosen
from framework.types import Broken
from framework.vision import coco, masks
from framework.vision.segmenter import Asked, Found, Hint, Segmenter, by_frame

Answer = Found | Broken
Sent = tuple[bytes, int, int, float] | Broken
"""What travels back: squeezed run lengths, width, height and score."""


class Pool(Segmenter):
    """Another segmenter, on so many Ray actors."""

    of: Annotated[SerializeAsAny[Segmenter], chosen("segmenter")]
    """Who answers."""
    actors: int = Field(default=1, ge=1)
    gpus: float = Field(default=0.0, ge=0)
    """The share of a GPU that each takes; 0 leaves it on the CPU."""
    batch: int = Field(default=64, ge=1)
    """Prompts that are sent together; those of one frame are not parted."""
    waiting: int = Field(default=64, ge=1)
    """Batches that may wait for one actor; whoever comes then is kept for at most `timeout_s`."""
    timeout_s: float = Field(default=120.0, gt=0)
    """Seconds in which a batch must be answered, loading the model included."""
    tries: int = Field(default=2, ge=1)
    """How often a batch is sent, each time but the first to a fresh actor."""

    @property
    def accepts(self) -> frozenset[Hint]:
        return self.of.accepts

    def found(self, asked: Sequence[Asked]) -> Sequence[Answer]:
        import ray

        if not ray.is_initialized():
            return self.of.found(asked)
        return _found(_workers(cast(Any, self)), asked, self.batch)


@lru_cache(maxsize=4)
def _workers(pool: Pool) -> list["Worker"]:
    return [Worker(pool) for _ in range(pool.actors)]


def _found(workers: Sequence["Worker"], asked: Sequence[Asked], batch: int) -> list[Answer]:
    """Every frame has its own actor, which then knows it."""
    shares: dict[int, list[list[int]]] = {}
    for (video, frame), places in by_frame(asked).items():
        batches = shares.setdefault(zlib.crc32(f"{video.source}#{frame}".encode()) % len(workers), [[]])
        if batches[-1] and len(batches[-1]) + len(places) > batch:
            batches.append([])
        batches[-1].extend(places)
    sent = [
        (places, workers[number].ask([asked[place] for place in places]))
        for number, batches in shares.items()
        for places in batches
    ]
    answers = {place: each for places, job in sent for place, each in zip(places, job.result(), strict=True)}
    return [answers[place] for place in range(len(asked))]


@dataclass
class Job:
    asked: Sequence[Asked]
    done: Future[list[Answer]] = field(default_factory=Future[list[Answer]])

    def fail(self, reason: str) -> None:
        self.done.set_result([Broken(reason)] * len(self.asked))


class Worker:
    """One actor, a queue before it, and a thread that sends what waits and starts the actor again when it is gone."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.started = 0
        """Actors that were started."""
        self._actor: Any = None
        self._jobs: queue.Queue[Job] = queue.Queue(pool.waiting)
        threading.Thread(target=self._serve, name="segmenter", daemon=True).start()

    def ask(self, asked: Sequence[Asked]) -> Future[list[Answer]]:
        job = Job(asked)
        try:
            self._jobs.put(job, timeout=self.pool.timeout_s)
        except queue.Full:
            job.fail(f"segmenter pool: {self.pool.waiting} batches wait already")
        return job.done

    def _serve(self) -> None:
        while True:
            job = self._jobs.get()
            told = self._answered(job)
            while told and not self._jobs.empty():  # it is dead: nobody else need wait for that to be found out
                self._jobs.get().fail(told)

    def _answered(self, job: Job) -> str:
        """Answer a batch; or fail it, and say why."""
        import ray
        from ray.exceptions import RayError

        from framework.train.reason import reason

        told = ""
        for _ in range(self.pool.tries):
            try:
                sent: list[Sent] = ray.get(self._running().segment.remote(job.asked), timeout=self.pool.timeout_s)
                job.done.set_result(_checked([_received(each) for each in sent], len(job.asked)))
                return ""
            except RayError as error:
                told = f"segmenter pool: {type(error).__name__}: {reason(error)}".partition("\n")[0][:300]
                self._stop()
            except (ValueError, TypeError, LookupError) as error:  # of a live actor: others need not fail with it
                job.fail(f"segmenter pool: what it sent is no mask ({type(error).__name__}: {error})"[:300])
                return ""
        job.fail(told)
        return told

    def _running(self) -> Any:
        import ray

        if self._actor is None:
            options = {"num_cpus": 0, "num_gpus": self.pool.gpus, "max_restarts": 0}
            self._actor = cast(Any, ray.remote(Model)).options(**options).remote(self.pool.of, self.pool.gpus)
            self.started += 1
        return self._actor

    def _stop(self) -> None:
        import ray

        ray.kill(self._actor)
        self._actor = None


class Model:
    """What runs in an actor."""

    def __init__(self, segmenter: Segmenter, gpus: float) -> None:
        if not gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # who asked Ray for none is shown all, and takes a trainer's
        self.segmenter = segmenter

    def segment(self, asked: Sequence[Asked]) -> list[Sent]:
        return [_sendable(each) for each in self.segmenter.found(asked)]


def _checked(found: list[Answer], asked: int) -> list[Answer]:
    """As many as were asked for, or whoever waits would wait for ever."""
    if len(found) != asked:
        raise ValueError(f"{len(found)} answers to {asked} prompts")
    return found


def _sendable(found: Answer) -> Sent:
    if isinstance(found, Broken):
        return found
    return coco.write(masks.as_runs(found.mask)), found.mask.width, found.mask.height, found.score


def _received(sent: Sent) -> Answer:
    if isinstance(sent, Broken):
        return sent
    counts, width, height, score = sent
    return Found(coco.read(counts, width, height), score)
