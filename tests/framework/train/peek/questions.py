"""What is asked of an engine whose policy draws, question by question; drawn.py runs them.

Each question leaves the weights as they were.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from adapting import made
from drawing import learned, rows
from safetensors.torch import load_file

from framework.calibration import uncalibrated
from framework.train.bench import easel
from framework.train.bench.easel import inferred, policy_loss, with_old
from framework.train.drawing.engine import DrawingEngine
from framework.train.engine import Engine
from framework.train.run import Run

Slopes = dict[str, torch.Tensor]


def pens(slopes: Slopes) -> torch.Tensor:
    return torch.cat([value.flatten() for name, value in slopes.items() if ".pen." in f".{name}"])


def apart(one: Slopes, other: Slopes) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


class Told:
    """What one process finds out about one engine."""

    def __init__(self, run: Run) -> None:
        self.run, self.engine, self.some = run, made(run), rows(run.recipe)
        assert isinstance(self.engine, DrawingEngine)
        assert run.recipe.drawing is not None
        self.drawing, self.loss = run.recipe.drawing, policy_loss(run)

    def set(self, weight: float = 1.0, share: float = 0.0, where: str = "log_prob") -> None:
        calibration = self.drawing.calibration.model_copy(update={"weight": weight, "where": where})
        self.engine.drawing = self.drawing.model_copy(update={"calibration": calibration})
        self.engine.share = share

    def old(self) -> list[dict[str, Any]]:
        return with_old(self.some, inferred(self.engine, self.some, draw=True))

    def learned(self, kept: Sequence[dict[str, Any]], **asked: Any) -> tuple[float, Slopes, Any]:
        return learned(self.engine, self.loss, kept, **asked)

    def all(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for ask in (
            self.off,
            self.order,
            self.padding,
            self.weights,
            self.slope,
            self.sign,
            self.clipped,
            self.none,
            self.logit,
            self.kept,
        ):
            self.set()
            found |= ask()
        return found

    def off(self) -> dict[str, Any]:
        kept, other = self.old(), easel.engine(self.run, Engine)
        here, there = (inferred(each, self.some)["log_probs"] for each in (self.engine, other))
        drawing_too = inferred(self.engine, self.some, draw=True)
        unique = easel.spots([self.some[row] for row in (0, 2, 3)])  # row 1 draws nothing
        self.set(weight=0.0)
        ours, theirs = self.learned(kept), learned(other, self.loss, kept)
        same = {name: value for name, value in ours[1].items() if not name.startswith("pen.")}
        return {
            "log_probs_as_without": all(map(torch.equal, here, there)),
            "drawn_or_not": all(map(torch.equal, here, drawing_too["log_probs"])),
            "loss_as_without": ours[0] == theirs[0],
            "slopes_apart_from_without": apart(same, theirs[1]),
            "encoded": self.engine.pen.encoded,
            "spots": len(unique),
            "bytes": [len(each) for each in drawing_too["drawn"]],
        }

    def order(self) -> dict[str, Any]:
        turned = [3, 1, 0, 2]
        one, other = (
            inferred(self.engine, some, draw=True) for some in (self.some, [self.some[row] for row in turned])
        )
        pairs = list(enumerate(turned))
        off = [
            float((one[name][row] - other[name][place]).abs().max())
            for name in ("log_probs", "drawn_ell")
            for place, row in pairs
        ]
        same = all(torch.equal(one["drawn"][row], other["drawn"][place]) for place, row in pairs)
        return {"order": max(off), "same_masks_in_any_order": same}

    def padding(self) -> dict[str, Any]:
        kept = self.old()
        self.set(share=1.0)
        padded, packed = (self.learned(kept, use_remove_padding=each) for each in (False, True))
        return {"padding": [abs(padded[0] - packed[0]), apart(padded[1], packed[1])]}

    def weights(self) -> dict[str, Any]:
        kept, losses, slopes = self.old(), list[float](), list[torch.Tensor]()
        for weight in (0.0, 1.0, 3.0):
            self.set(weight=weight)
            loss, slope, _ = self.learned(kept)
            losses.append(loss)
            slopes.append(pens(slope))
        return {
            "losses": losses,
            "pen_without": float(slopes[0].norm()),
            "pen_with": float(slopes[1].norm()),
            "thrice": float((slopes[2] - 3 * slopes[1]).norm() / slopes[2].norm()),
        }

    def slope(self) -> dict[str, Any]:
        """Finite differences along the gradient of the pen's weights, with everything on."""
        self.set(weight=1.0, share=0.5)
        kept = self.old()
        weights = {name: value for name, value in self.engine.module.named_parameters() if name.startswith("pen.")}
        _, slopes, _ = self.learned(kept)
        length, step = float(pens(slopes).norm()), 1e-3
        losses = list[float]()
        for way in (step, -2 * step):
            with torch.no_grad():
                for name, value in weights.items():
                    value.to_local().add_(slopes[name] / length, alpha=way)
            losses.append(self.learned(kept)[0])
        with torch.no_grad():
            for name, value in weights.items():
                value.to_local().add_(slopes[name] / length, alpha=step)
        return {"slope": length, "differences": (losses[0] - losses[1]) / (2 * step)}

    def sign(self) -> dict[str, Any]:
        """How much more likely the masks of then are after a step, by the advantage of all tokens."""
        kept, found = self.old(), dict[str, float]()
        before = sum(float(row["drawn_ell"].sum()) for row in kept)
        weights = dict(self.engine.module.named_parameters())
        for name, advantage in (("good", 1.0), ("bad", -1.0)):
            judged = [{**row, "advantages": advantage * row["response_mask"].float()} for row in kept]
            slopes = {name: value for name, value in self.learned(judged)[1].items() if name.startswith("pen.")}
            found[name] = self.moved(weights, slopes, lambda: self.now(kept) - before)
        return {"surer": found}

    def moved(self, weights: Any, slopes: Slopes, ask: Callable[[], float], step: float = 0.01) -> float:
        """What there is to be heard a step against these slopes."""
        for name, slope in slopes.items():
            weights[name].data.to_local().sub_(slope, alpha=step)
        found = ask()
        for name, slope in slopes.items():
            weights[name].data.to_local().add_(slope, alpha=step)
        return found

    def now(self, kept: Sequence[dict[str, Any]]) -> float:
        """Σ ℓ of the masks of then, by the weights of now; read off the loss that a weight of 1 and A = 1 make."""
        judged = [
            {**row, "advantages": row["response_mask"].float(), "ref_log_prob": row["old_log_probs"]} for row in kept
        ]
        heard: list[float] = []
        added = self.engine._added

        def hear(data: Any) -> Any:
            found = added(data)
            heard.append(0.0 if found is None else float(found[0].sum()))
            return found

        self.engine._added = hear
        self.learned(judged)
        self.engine._added = added
        return sum(heard)

    def clipped(self) -> dict[str, Any]:
        """A second update: masks that have become much surer are not made surer yet."""
        kept = [{**row, "advantages": row["response_mask"].float()} for row in self.old()]
        _, _, metrics = self.learned(kept)
        still = {name: metrics[f"actor/{name}"].aggregate() for name in ("pg_clipfrac", "ppo_kl")}
        last = [value for name, value in self.engine.module.named_parameters() if name.startswith("pen.projection.2.")]
        with torch.no_grad():
            for value in last:
                value.mul_(8)
        _, slopes, later = self.learned(kept)
        surer = self.now(kept) - sum(float(row["drawn_ell"].sum()) for row in kept)
        with torch.no_grad():
            for value in last:
                value.div_(8)
        return {
            "still": still,
            "clipped": later["actor/pg_clipfrac"].aggregate(),
            "clipped_slope": float(pens(slopes).norm()),
            "clipped_surer": surer,
        }

    def none(self) -> dict[str, Any]:
        kept = self.old()[1:2]
        _, slopes, _ = self.learned(kept, micro_batch_size_per_gpu=1)
        return {"none": [len(pens(slopes)), float(pens(slopes).abs().max())]}

    def logit(self) -> dict[str, Any]:
        """The variant that speaks of a mask before the softmax."""
        before = inferred(self.engine, self.some)["log_probs"]
        self.set(where="logit")
        after = inferred(self.engine, self.some)["log_probs"]
        changed = [int(((one - other).abs() > 1e-6).sum()) for one, other in zip(before, after, strict=True)]
        surer = all(bool((other - one >= -1e-6).all()) for one, other in zip(before, after, strict=True))
        found = inferred(self.engine, self.some, draw=True)
        plain = map(uncalibrated, found["log_probs"], found["drawn_worth"])
        return {
            "logit": changed,
            "logit_surer": surer,
            "logit_without": max(float((one - other).abs().max()) for one, other in zip(before, plain, strict=True)),
            "logit_slope": float(pens(self.learned(with_old(self.some, found))[1]).norm()),
        }

    def kept(self) -> dict[str, Any]:
        """Saved, sent, exported, resumed."""
        engine, folder = self.engine, self.run.home / "saved"
        sent = sorted(name for name, _ in engine.get_per_tensor_param()[0])
        before = {name: value.detach().clone() for name, value in engine.module.named_parameters()}
        engine.save_checkpoint(str(folder))
        with torch.no_grad():
            for value in engine.module.parameters():
                value.add_(1)
        engine.load_checkpoint(str(folder))
        resumed = all(torch.equal(value, before[name]) for name, value in engine.module.named_parameters())
        exported = folder / "huggingface"
        weights = engine.pen.weights(96, str(exported))
        ours = {name.partition("pen.")[2]: value for name, value in before.items() if name.startswith("pen.")}
        there = {name.rpartition("pen.")[2]: value.to_local() for name, value in before.items() if "pen." in name}
        same = [torch.equal(value, there[name]) for name, value in weights.named_parameters()]
        return {
            "sent": [name for name in sent if "pen." in name],
            "resumed": resumed,
            "exported": [name for name in load_file(exported / "model.safetensors") if "pen." in name],
            "taken": sum(same) if self.adapted else all(same) and len(same) == len(ours),
            "pen": sum("pen." in name and value.requires_grad for name, value in engine.module.named_parameters()),
        }

    @property
    def adapted(self) -> bool:
        return self.run.recipe.algorithm.lora_rank > 0
