"""A small graphics engine: toys on a floor, whose camera, light, shape and colours are numbers."""

from latentwalk.rendering.scenes.engine import render
from latentwalk.rendering.scenes.scene import NUMBERS, TOYS, Scene

__all__ = ["NUMBERS", "TOYS", "Scene", "render"]
