"""The engine of a policy that draws: the pen lies inside the module, and masks come of the very same forward pass.

    micro-batch ─▶ its [SEG] tokens, their frames ─▶ module ─┬▶ logits ─▶ log-probs, as without a pen
                   (strokes)                                 └▶ hidden states at [SEG] ─▶ pen ─▶ masks (a sketch)
    log-probs of old   what was drawn goes with them: bits for the trainer; cells and ℓ for the calibration
    an update          policy loss, calibrated  +  share · (BCE + Dice): Σ over this micro-batch's tokens, by the number
                       of tokens of the whole mini-batch on all ranks, times the ranks, since verl takes their mean

FSDP gathers the pen's weights with the rest, so it is called inside `forward`, and on every rank, tokens or none: 0
times its weights is added to the loss. A reference model has no pen.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from verl.utils.device import get_device_id
from verl.utils.metric import Metric
from verl.utils.tensordict_utils import get_non_tensor_data
from verl.workers.utils.padding import no_padding_2_padding

from framework.reasoners import pen as pens
from framework.reasoners.pen import Pen
from framework.train.drawing import calibrated, inside
from framework.train.drawing.sketch import Sketch
from framework.train.drawing.strokes import Strokes
from framework.train.engine import Engine
from framework.train.patches import Weights
from framework.train.run import Run


class DrawingEngine(Engine):
    """The part of verl that holds the trained weights, the pen's among them."""

    pen: Pen | None = None
    strokes: Strokes | None = None
    sketch: Sketch | None = None

    def _build_module(self) -> Any:
        module = super()._build_module()
        if self.engine_config.forward_only:
            return module
        run = Run.here()
        recipe = run.recipe
        assert recipe.drawing is not None
        self.drawing, self.token = recipe.drawing, pens.token(recipe.reasoner.voice(), recipe.drawing)
        self.share = self.drawing.loss if run.stage == "rl" else self.drawing.imitation_loss
        self.pen, self.reported = Pen(self.drawing, here()), 0
        weights = self.pen.weights(
            module.config.get_text_config().hidden_size, self.model_config.local_path, recipe.seed
        )
        inside.put(module, weights.to(next(module.parameters()).dtype), self._draws)
        return module

    def _build_lora_module(self, module: Any) -> Any:
        """Adapters are for the reasoner; the pen learns whole."""
        pen = module._modules.pop(inside.NAME, None)
        adapted = super()._build_lora_module(module)
        if pen is not None:
            module.add_module(inside.NAME, pen)
        return adapted

    def _build_optimizer(self, module: Any) -> Any:
        from verl.workers.config.optimizer import build_optimizer

        named, config = list(module.named_parameters()), self.optimizer_config
        ours, rest = list(inside.own(named).values()), [value for _, value in inside.others(named)]
        return build_optimizer([{"params": rest}, {"params": ours, "lr": config.lr * self.drawing.lr_factor}], config)

    # ---- a forward pass ----------------------------------------------------------------------------------------------

    def prepare_model_inputs(self, micro_batch: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        inputs, args = super().prepare_model_inputs(micro_batch)
        self.strokes, self.packed = None, get_non_tensor_data(micro_batch, "use_remove_padding", True)
        if self.pen and (torch.is_grad_enabled() or self._asked(micro_batch) or self._by_logit):
            self.strokes = Strokes.of(micro_batch, self.token)
        return inputs, args

    def _asked(self, micro_batch: Any) -> bool:
        """Does the trainer want to know what was drawn?"""
        return bool(get_non_tensor_data(micro_batch, "draw", False))

    @property
    def _by_logit(self) -> bool:
        return self.drawing.calibration.on and self.drawing.calibration.where == "logit"

    def _draws(self, weights: Any, hidden: torch.Tensor) -> Sketch:
        """What the module's forward pass calls."""
        self.sketch = self._sketched(weights, hidden)
        return self.sketch

    def _sketched(self, weights: Any, hidden: torch.Tensor) -> Sketch:
        learns = (value.sum() for value in weights.parameters() if value.requires_grad)
        anchor = sum(learns, hidden.new_zeros(())) * 0
        if self.pen is None or not self.strokes:
            return Sketch(anchor)
        strokes, on = self.strokes, list(dict.fromkeys(place.spot for place in self.strokes.places))
        at = strokes.end_to_end() if self.packed else strokes.padded(hidden.shape[1])
        order = {spot: number for number, spot in enumerate(on)}
        which = torch.tensor([order[place.spot] for place in strokes.places], device=hidden.device)
        of = torch.tensor([place.of for place in strokes.places], device=hidden.device)
        features = tuple(level.to(hidden.device) for level in self.pen.features(on))
        return Sketch(anchor, *self.pen.draw(weights, hidden.flatten(0, 1)[at], features, which, of))

    def _heard(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits that log-probs are made of. The one before a [SEG] token may speak of its mask."""
        if self.sketch is None or not self.strokes or self.sketch.quality is None or not self._by_logit:
            return super()._heard(logits)
        before = (self.strokes.end_to_end() if self.packed else self.strokes.padded(logits.shape[1])) - 1
        worth = self.sketch.worth(self.strokes, self.drawing.calibration)
        flat = logits.flatten(0, 1)
        token = torch.full_like(before, self.token)
        flat = flat.index_put((before, token), worth.to(flat.dtype), accumulate=True)
        return super()._heard(flat.view_as(logits))

    def prepare_model_outputs(self, output: Any, output_args: Any, micro_batch: Any, logits_processor_func: Any) -> Any:
        found = super().prepare_model_outputs(output, output_args, micro_batch, logits_processor_func)
        if self.strokes is not None and self.sketch is not None and self._asked(micro_batch):
            found |= self.sketch.kept(self.strokes, self.drawing.calibration, self.drawing.decoder.grid)
        return found

    # ---- an update ---------------------------------------------------------------------------------------------------

    def forward_backward_batch(self, data: Any, loss_function: Any, forward_only: bool = False) -> Any:
        if self.pen and not forward_only:
            self.counts = Strokes.of(data, self.token).counts.clone()
            torch.distributed.all_reduce(self.counts, group=self.get_data_parallel_group())
        return super().forward_backward_batch(data, loss_function, forward_only)

    def forward_step(self, micro_batch: Any, loss_function: Any, forward_only: bool) -> Any:
        if self.pen is None or forward_only:
            return super().forward_step(micro_batch, loss_function, forward_only)

        def with_masks(model_output: Any, data: Any, dp_group: Any = None) -> Any:
            assert self.sketch is not None
            with calibrated.told(self._added(data)):
                loss, metrics = loss_function(model_output=model_output, data=data, dp_group=dp_group)
            masks = self.sketch.loss(self.strokes, self.counts) * self.get_data_parallel_size()
            metrics["drawing/loss"] = Metric(aggregation="sum", value=masks.detach())
            return loss + self.share * masks + self.sketch.anchor, metrics

        loss, output = super().forward_step(micro_batch, with_masks, forward_only)
        fresh, self.reported = self.pen.encoded - self.reported, self.pen.encoded
        for name, count in (("encoded", fresh), ("tokens", len(self.strokes or ()))):
            everywhere = count * self.get_data_parallel_size()
            output["metrics"][f"drawing/{name}"] = Metric(aggregation="sum", value=everywhere)
        return loss, output

    def _added(self, data: Any) -> calibrated.Added | None:
        """What the calibration adds to the log-probs of now and of then, as verl pads them."""
        calibration = self.drawing.calibration
        if not calibration.on or self._by_logit or "drawn_ell" not in data or not self.sketch or not self.strokes:
            return None
        now = self.sketch.ell(self.strokes, data["drawn_cells"], calibration)
        both = (calibration.weight * no_padding_2_padding(each, data) for each in (now, data["drawn_ell"]))
        return tuple(both)  # pyright: ignore[reportReturnType]

    # ---- weights -----------------------------------------------------------------------------------------------------

    def get_per_tensor_param(self, **settings: Any) -> Any:
        """What rollout servers get: they only speak."""
        weights, adapters = super().get_per_tensor_param(**settings)
        return inside.others(weights), adapters

    def save_checkpoint(self, local_path: str, *args: Any, **settings: Any) -> None:
        self.apart: Weights = {}
        super().save_checkpoint(local_path, *args, **settings)
        if self.apart:  # on the rank that writes models
            pens.write(Path(local_path) / "huggingface", self.drawing, self.apart)

    def _exported(self, gathered: Callable[[], Weights]) -> Weights:
        """A model that speaks; its pen is laid beside it."""
        whole = super()._exported(gathered)
        self.apart = inside.own(whole.items())
        return dict(inside.others(whole.items()))


def here() -> str:
    """This process's device, by a name that torch knows: on CUDA verl says a number."""
    return str(torch.device(get_device_id()))
