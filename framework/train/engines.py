"""Takes the place of verl's engine, in every process that trains: with a pen, where the recipe's policy draws."""

from verl.workers.engine.base import EngineRegistry

from framework.train.drawing.engine import DrawingEngine
from framework.train.engine import Engine
from framework.train.run import Run

EngineRegistry.register(
    model_type="language_model", backend=["fsdp", "fsdp2"], device=["cuda", "cpu"], vendor=["nvidia", "cpu"]
)(DrawingEngine if Run.here().recipe.drawing else Engine)
