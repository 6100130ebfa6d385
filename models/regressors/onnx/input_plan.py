"""How a model takes images and which of its numbers is the score: taken from the file, or asked of its owner."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from torch import Tensor
from torch.nn.functional import interpolate

from models.errors import Invalid, ModelFailed
from models.regressors.onnx.passport import Passport, Shape

Scale = Literal["0..1", "-1..1", "0..255"]
USUAL = 224  # pixels, if a file leaves the side open
LARGEST_BATCH = 64
MOST_BINS = 1000
SUM_TOLERANCE = 0.02  # how far the probabilities of one image may be from 1 in all
Kind = Literal["float32", "float16", "float64", "uint8"]
FLOATS = ("float32", "float16", "float64")
Bin = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class InputPlan(BaseModel):
    """The preprocessing of images in [-1, 1] for a model, and the postprocessing of its output.

    `scale` is the range of values; then `mean` is subtracted and the result divided by `std`, in RGB order. `batch` is
    the number of images per call, None for any number. The columns of the output `output` go through a softmax or a
    sigmoid if the model ends without one. The score is `column`, or, with `bins`, the expectation over all columns:
    each is the probability of the value in `bins` at its place, as of the ten ratings of NIMA.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    side: Annotated[int, Field(ge=8, le=1024)]
    output: Annotated[str, Field(max_length=200)]
    layout: Literal["nchw", "nhwc"] = "nchw"
    channels: Literal[1, 3] = 3
    kind: Kind = "float32"
    scale: Scale = "0..1"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (
        1.0, 1.0, 1.0,
    )  # fmt: skip
    order: Literal["rgb", "bgr"] = "rgb"
    batch: Annotated[int, Field(ge=1, le=LARGEST_BATCH)] | None = None
    column: Annotated[int, Field(ge=0)] = 0
    softmax: bool = False
    sigmoid: bool = False
    bins: Annotated[tuple[Bin, ...], Field(max_length=MOST_BINS)] = ()

    @model_validator(mode="after")
    def _check_output(self) -> Self:
        if self.softmax and self.sigmoid:
            raise ValueError("softmax and sigmoid exclude each other")
        if len(self.bins) == 1 or len(set(self.bins)) < min(len(self.bins), 2):
            raise ValueError("bins must hold two values or more")
        return self

    @model_serializer(mode="wrap")
    def _without_unused(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Parts that were added later appear only where they are used, so that older plans keep their fingerprints.
        values: dict[str, Any] = handler(self)
        return {key: value for key, value in values.items() if key not in ("sigmoid", "bins") or value}


def guess_plan(passport: Passport) -> tuple[InputPlan, tuple[str, ...]]:
    """A plan that fits the file, and the names of the fields that the file does not define and its owner must confirm.

    Invalid if its input does not take images, or no output is a table of numbers.
    """
    shape = passport.shape
    if shape is None or len(shape) != 4:
        dimensions = "no shape" if shape is None else f"{len(shape)} dimensions"
        raise Invalid(f"Its input has {dimensions}; images have four.", "Export it for images [N, 3, H, W].")
    if passport.kind not in (*FLOATS, "uint8"):
        raise Invalid(
            f"Its input holds {passport.kind}; images are float32, float16, float64 or uint8.",
            "Export it with an input of float32.",
        )
    asks = ["scale", "mean", "std", "order"] if passport.kind != "uint8" else ["order"]
    if shape[1] in (1, 3):
        layout, channels, sides = "nchw", shape[1], shape[2:]
    elif shape[3] in (1, 3):
        layout, channels, sides = "nhwc", shape[3], shape[1:3]
    elif shape[1] is None or shape[3] is None:
        layout, channels, sides = "nchw", 3, shape[2:]
        asks += ["layout", "channels"]
    else:
        raise Invalid(f"Its input {format_shape(shape)} has neither one nor three channels.", "It must take images.")
    if sides[0] is not None and sides[1] is not None and sides[0] != sides[1]:
        raise Invalid(f"Its input {format_shape(shape)} is not square.", "Export it for square images.")
    if channels == 1 and "channels" not in asks:
        asks.remove("order")
    side = sides[0] or sides[1]
    if side is None:
        asks.append("side")
    if shape[0] is not None and not 1 <= shape[0] <= LARGEST_BATCH:
        raise Invalid(f"It takes {shape[0]} images at once.", f"Export it for 1 to {LARGEST_BATCH}, or any number.")
    if side is not None and not 8 <= side <= 1024:
        raise Invalid(f"It takes images of {side} px.", "Export it for 8 to 1024 px.")
    numbers = [(name, shape) for name, kind, shape in passport.outputs if kind != "other"]
    if not numbers:
        raise Invalid("None of its outputs is a table of numbers.", "Export it so that it gives scores.")
    # A classifier of scikit-learn gives its label, an integer, before the probabilities.
    output, columns = next(((name, shape) for name, kind, shape in passport.outputs if kind in FLOATS), numbers[0])
    if len(numbers) > 1:
        asks.append("output")
    width = None if columns is None or len(columns) < 2 else columns[-1]
    if width != 1 and not (columns is not None and len(columns) < 2):
        asks += ["column", "softmax"]
    plan = InputPlan(
        side=side or USUAL, output=output, layout=layout, channels=channels, kind=passport.kind,
        scale="0..255" if passport.kind == "uint8" else "0..1", batch=shape[0],
    )  # fmt: skip
    return plan, tuple(asks)


def check_fits(plan: InputPlan, shape: Shape) -> None:
    """Invalid, with both shapes, where the plan gives a model other images than its input [N, C, H, W] takes."""
    sides = [plan.side, plan.side]
    given = (plan.batch, plan.channels, *sides) if plan.layout == "nchw" else (plan.batch, *sides, plan.channels)
    if shape is None or len(shape) != len(given):
        return
    if any(fixed is not None and fixed != side for fixed, side in zip(shape, given, strict=True)):
        raise Invalid(
            f"Its input is {format_shape(shape)}; this plan gives it {format_shape(given)}.",
            "Change the layout, the channels, the size or the batch of the plan.",
        )


def prepare_input(images: Tensor, plan: InputPlan) -> np.ndarray[Any, Any]:
    """Images [N, 1 or 3, H, W] in [-1, 1] as the input that the plan describes."""
    colours = (images.detach().float().cpu().expand(-1, 3, -1, -1) + 1) / 2
    if colours.shape[2:] != (plan.side, plan.side):
        colours = interpolate(colours, (plan.side, plan.side), mode="bilinear", antialias=True)
    colours = colours.clamp(0, 1)
    if plan.channels == 1:
        colours = (colours * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1, keepdim=True)
    values = {"0..1": colours, "-1..1": colours * 2 - 1, "0..255": colours * 255}[plan.scale]
    mean, std = (torch.tensor(numbers[: plan.channels])[:, None, None] for numbers in (plan.mean, plan.std))
    values = (values - mean) / std
    if plan.order == "bgr":
        values = values.flip(1)
    if plan.layout == "nhwc":
        values = values.permute(0, 2, 3, 1)
    if plan.kind == "uint8":
        values = values.round()
    array: np.ndarray[Any, Any] = np.ascontiguousarray(values.numpy().astype(plan.kind))
    return array


def read_scores(output: np.ndarray[Any, Any], count: int, plan: InputPlan) -> Tensor:
    """One score per image, [count], from the output of the model. ModelFailed if it holds none, or no finite number."""
    if math.prod(output.shape) == count:
        table = output.reshape(count, 1)
    elif output.ndim >= 1 and output.shape[0] == count:
        table = output.reshape(count, math.prod(output.shape[1:]))
    else:
        raise ModelFailed(
            f"It returned {format_shape(output.shape)} for {count} images instead of a score for each.",
            "Choose another output, or export it so that the batch comes first.",
        )
    if plan.bins and len(plan.bins) != table.shape[1]:
        raise ModelFailed(
            f"It gives {table.shape[1]} numbers per image; the plan has values for {len(plan.bins)} bins.",
            "Give one value for each column, or choose one column.",
        )
    if not plan.bins and plan.column >= table.shape[1]:
        raise ModelFailed(
            f"It gives {table.shape[1]} numbers per image; there is no column {plan.column}.",
            "Choose one of its columns, counted from 0.",
        )
    with np.errstate(over="ignore"):  # values too large for float32 become infinite, which is checked below
        scores = torch.from_numpy(np.array(table, np.float32))
    scores = scores.softmax(dim=1) if plan.softmax else scores.sigmoid() if plan.sigmoid else scores
    scores = _expectation(scores, plan.bins) if plan.bins else scores[:, plan.column]
    if not bool(torch.isfinite(scores).all()):
        count_bad = int((~torch.isfinite(scores)).sum())
        raise ModelFailed(
            f"{count_bad} of {count} scores are not numbers (NaN or infinite).",
            "Check the range and normalisation of its input.",
        )
    return scores


def _expectation(columns: Tensor, bins: tuple[float, ...]) -> Tensor:
    # The mean of `bins`, weighted by the probabilities in `columns` [N, K].
    sums = columns.sum(dim=1)
    finite = bool(torch.isfinite(columns).all())  # others are refused with their number
    if finite and (bool((columns < 0).any()) or bool(((sums - 1).abs() > SUM_TOLERANCE).any())):
        worst = float(sums[(sums - 1).abs().argmax()])
        raise ModelFailed(
            f"Its columns are not probabilities: those of one image sum to {worst:.4g}, not 1, or some are negative.",
            "Choose softmax as the activation, or score one column.",
        )
    return (columns.double() @ torch.tensor(bins, dtype=torch.float64)).float()


def format_shape(shape: tuple[int | None, ...]) -> str:
    """A shape as text; "?" stands for a side that is left open."""
    return "[" + ", ".join("?" if side is None else str(side) for side in shape) + "]"
