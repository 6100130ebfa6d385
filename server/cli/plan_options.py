"""The options that say how an uploaded model takes images and which of its numbers is the score."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from server.cli.options import combined

MOST_BINS = 1000
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
CHANNELS: Mapping[str, Mapping[str, Any]] = {
    "rgb": {"channels": 3, "order": "rgb"},
    "bgr": {"channels": 3, "order": "bgr"},
    "grey": {"channels": 1, "order": "rgb"},
}
ACTIVATIONS: Mapping[str, Mapping[str, Any]] = {
    "none": {"softmax": False, "sigmoid": False},
    "softmax": {"softmax": True, "sigmoid": False},
    "sigmoid": {"softmax": False, "sigmoid": True},
}


class Numbers(click.ParamType[list[float]]):
    """Numbers with commas between them, or the whole numbers from A to B as A..B."""

    name = "NUMBERS"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> list[float]:
        """The numbers."""
        text = str(value)
        first, dots, last = text.partition("..")
        try:
            if dots:
                low, high = int(first), int(last)
                if not 1 <= high - low < MOST_BINS:
                    raise ValueError
                return [float(number) for number in range(low, high + 1)]
            return [float(part) for part in text.split(",")]
        except ValueError:
            self.fail(f"“{text[:60]}” is neither numbers with commas nor a range such as 1..10", parameter, context)


class Batch(click.ParamType[int]):
    """A number of images, or "any"."""

    name = "N|any"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> int:
        """The number of images per call, 0 for any."""
        if value == "any":
            return 0
        try:
            return int(value)
        except ValueError:
            self.fail(f"“{str(value)[:60]}” is neither a number nor “any”", parameter, context)


plan_options: Callable[[Any], Any] = combined(
    click.option("--layout", type=click.Choice(["nchw", "nhwc"]), help="Where the channels of the input are."),
    click.option("--channels", type=click.Choice([*CHANNELS]), help="The channels of the input and their order."),
    click.option("--size", type=int, metavar="PX", help="The side of its images, in pixels."),
    click.option("--batch", type=Batch(), help="Images per call."),
    click.option("--range", "scale", type=click.Choice(["0..1", "-1..1", "0..255"]), help="The values of an image."),
    click.option("--mean", type=Numbers(), metavar="A,B,C", help="Subtracted from the values: red, green, blue."),
    click.option("--std", type=Numbers(), metavar="A,B,C", help="The values are divided by it: red, green, blue."),
    click.option("--imagenet", is_flag=True, help="The usual mean and standard deviation, for values of 0..1."),
    click.option("--output", "output_name", metavar="NAME", help="The output that holds the score."),
    click.option("--column", type=int, metavar="N", help="The column of the output that is the score, from 0."),
    click.option(
        "--bins", type=Numbers(), metavar="VALUES", help="Score the mean over all columns, each the probability of a "
        "value: 1..10 for NIMA, or values such as 0,0.5,1.",
    ),
    click.option("--activation", type=click.Choice([*ACTIVATIONS]), help="What the model leaves out at its end."),
    click.option("--plan", metavar="JSON", help="The same as JSON, as the HTTP API takes it."),
    click.option("--accept", is_flag=True, help="Confirm the guesses for everything that is not given."),
)  # fmt: skip


def parse_plan(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an input plan that the options name. Usage errors are click's."""
    from latentwalk.errors import Invalid

    changes: dict[str, Any] = {}
    if given["plan"] is not None:
        try:
            parsed = json.loads(given["plan"])
        except ValueError:
            parsed = None
        if not isinstance(parsed, dict):
            raise Invalid("The plan is not a JSON object.", 'Write it like {"scale": "0..1", "side": 224}.')
        changes |= parsed
    changes |= CHANNELS.get(given["channels"], {})
    changes |= ACTIVATIONS.get(given["activation"], {})
    changes |= IMAGENET if given["imagenet"] else {}
    names = {"layout": "layout", "size": "side", "scale": "scale", "output_name": "output", "column": "column"}
    changes |= {part: given[option] for option, part in names.items() if given[option] is not None}
    if given["batch"] is not None:
        changes["batch"] = given["batch"] or None
    for part in ("mean", "std"):
        values = given[part]
        if values is not None:
            changes[part] = values * 3 if len(values) == 1 else values
    if given["bins"] is not None:
        changes["bins"] = given["bins"]
    return changes
