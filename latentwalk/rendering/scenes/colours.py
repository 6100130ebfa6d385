"""Colours of a scene: hue, saturation and value to linear light, the palette of the paints, and light to sRGB."""

from __future__ import annotations

import colorsys

import torch
from torch import Tensor

from latentwalk.rendering.scenes.scene import Scene
from latentwalk.rendering.scenes.toys.toy import Paint

FIXED = {
    Paint.WHITE: (0.95, 0.95, 0.94),
    Paint.CREAM: (0.97, 0.89, 0.74),
    Paint.BLACK: (0.12, 0.12, 0.15),
    Paint.GREY: (0.62, 0.64, 0.68),
    Paint.ORANGE: (1.0, 0.52, 0.1),
    Paint.YELLOW: (1.0, 0.8, 0.2),
    Paint.PINK: (1.0, 0.6, 0.6),
}  # sRGB


def linear(rgb: tuple[float, float, float]) -> Tensor:
    """A colour in sRGB as linear light, [3]."""
    values = torch.tensor(rgb)
    return torch.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def from_hsv(hue: float, saturation: float, value: float) -> Tensor:
    """A colour as linear light, [3]: the hue in degrees, the others from 0 to 1."""
    return linear(colorsys.hsv_to_rgb(hue / 360 % 1, saturation, value))


def palette(scene: Scene) -> Tensor:
    """The colour of each paint as linear light, [paints, 3]."""
    hue, saturation, value = scene.hue, scene.saturation, scene.value
    own = {
        Paint.MAIN: from_hsv(hue, saturation, value),
        Paint.PALE: from_hsv(hue, saturation * 0.62, min(1.0, value * 1.12)),
        Paint.DARK: from_hsv(hue, min(1.0, saturation * 1.05), value * 0.8),
    }
    return torch.stack([own[paint] if paint in own else linear(FIXED[paint]) for paint in Paint])


def to_srgb(light: Tensor) -> Tensor:
    """Linear light as sRGB from 0 to 1: bright light is compressed softly instead of being cut off."""
    knee = 0.72
    over = (light - knee).clamp_min(0)
    light = torch.minimum(light, light.new_tensor(knee)) + (1 - knee) * (1 - torch.exp(-over / (1 - knee)))
    light = light.clamp(0, 1)
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp_min(1e-6) ** (1 / 2.4) - 0.055)
