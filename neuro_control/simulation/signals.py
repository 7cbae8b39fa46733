# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Sensor effects at work on arrays: readings of a model's sensors, commands to motors, images.

Each class holds what one effect remembers during one episode, and changes readings in place.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.simulation.effects import (
    SLACK,
    Delay,
    Effect,
    Garbage,
    Jump,
    Lag,
    Loss,
    Noise,
    SensorEffect,
    Slow,
    Stuck,
)

Array = NDArray[np.float64]
# Where each sensor's numbers lie among the readings.
Parts = Sequence[NDArray[np.intp]]


class Signal:
    """One sensor effect at work.

    Args:
        effect: What it is.
        parts: Where the numbers of each sensor that it acts on lie among the readings.
        rng: Of this effect alone.
    """

    def __init__(self, effect: Any, parts: Parts, rng: np.random.Generator) -> None:
        self._effect, self._parts, self._rng = effect, parts, rng
        self._where = np.concatenate(parts)

    def act(self, time: float, readings: Array) -> None:
        """Change the readings of a time of the episode (s), (n,), in place."""
        raise NotImplementedError


class _Noise(Signal):
    def act(self, time: float, readings: Array) -> None:
        noise = self._rng.standard_normal(len(self._where))
        if self._effect.acts(time):
            readings[self._where] += self._effect.bias + self._effect.std * noise


class _Loss(Signal):
    def act(self, time: float, readings: Array) -> None:
        lost = self._rng.random(len(self._parts)) < self._effect.probability
        if self._effect.acts(time):
            for part, gone in zip(self._parts, lost, strict=True):
                if gone:
                    readings[part] = np.nan


class _Delay(Signal):
    def __init__(self, effect: Any, parts: Parts, rng: np.random.Generator) -> None:
        super().__init__(effect, parts, rng)
        self._known: deque[tuple[float, Array]] = deque()

    def act(self, time: float, readings: Array) -> None:
        known, due = self._known, time - self._effect.seconds + SLACK
        known.append((time, readings[self._where]))
        while len(known) > 1 and known[1][0] <= due:
            known.popleft()
        if self._effect.acts(time):
            readings[self._where] = known[0][1]


class _Stuck(Signal):
    def __init__(self, effect: Any, parts: Parts, rng: np.random.Generator) -> None:
        super().__init__(effect, parts, rng)
        self._held: Array | None = None

    def act(self, time: float, readings: Array) -> None:
        stuck = self._effect.acts(time)
        if stuck and self._effect.value is not None:
            readings[self._where] = self._effect.value
        elif stuck and self._held is not None:
            readings[self._where] = self._held
        else:
            self._held = readings[self._where]


class _Jump(Signal):
    def act(self, time: float, readings: Array) -> None:
        if self._effect.acts(time):
            readings[self._where] += self._effect.offset


class _Garbage(Signal):
    def act(self, time: float, readings: Array) -> None:
        numbers = self._rng.uniform(-1.0, 1.0, len(self._where))
        if self._effect.acts(time):
            readings[self._where] = self._effect.size * numbers


class _Slow(Signal):
    def __init__(self, effect: Any, parts: Parts, rng: np.random.Generator) -> None:
        super().__init__(effect, parts, rng)
        self._held: Array | None = None
        self._due = 0.0

    def act(self, time: float, readings: Array) -> None:
        if not self._effect.acts(time):
            self._held = None
        elif self._held is None or time >= self._due - SLACK:
            self._held, self._due = readings[self._where], time + 1.0 / self._effect.rate
        else:
            readings[self._where] = self._held


class _Lag(Signal):
    def __init__(self, effect: Any, parts: Parts, rng: np.random.Generator) -> None:
        super().__init__(effect, parts, rng)
        self._followed: Array | None = None
        self._time = 0.0

    def act(self, time: float, readings: Array) -> None:
        wanted = readings[self._where]
        if self._followed is None or not self._effect.acts(time):
            self._followed = wanted
        else:
            part = 1.0 - math.exp(-(time - self._time) / self._effect.seconds)
            # A lost reading stays lost, and the next one is followed from there.
            before = np.where(np.isnan(self._followed), wanted, self._followed)
            self._followed = before + part * (wanted - before)
        self._time = time
        readings[self._where] = self._followed


_SIGNALS: dict[type[SensorEffect], type[Signal]] = {
    Noise: _Noise, Loss: _Loss, Delay: _Delay, Stuck: _Stuck, Jump: _Jump,
    Garbage: _Garbage, Slow: _Slow, Lag: _Lag,
}  # fmt: skip


def signal(effect: SensorEffect, parts: Parts, rng: np.random.Generator) -> Signal:
    """A sensor effect at work from now on, with arguments as ``Signal`` takes them."""
    return _SIGNALS[type(effect)](effect, parts, rng)


class ImageEffects:
    """Effects on a stream of images: the sensor's name is ``image``, its unit a grey level of 255.

    Args:
        effects: Those on sensors.
        seed: Of the episode.

    Raises:
        ConfigurationError: An effect does not act on images, or names another sensor.
    """

    def __init__(self, effects: Sequence[Effect], seed: int) -> None:
        for effect in effects:
            if not isinstance(effect, SensorEffect):
                raise ConfigurationError(
                    f"no effect '{effect.kind}' on images: there are "
                    f"{', '.join(each.kind for each in _SIGNALS)}"
                )
            if effect.motors:
                raise ConfigurationError(f"{effect.kind}: an image has no motors")
            if other := set(effect.sensors) - {"image", "all"}:
                raise ConfigurationError(
                    f"{effect.kind}: no sensor '{min(other)}': there are image, all"
                )
        self._effects = [effect for effect in effects if isinstance(effect, SensorEffect)]
        self._seed = seed
        self._signals: list[Signal] = []
        self._size = 0

    def apply(self, time: float, image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """The image of a time of the episode (s) after all effects, None where it is lost."""
        if not self._effects:
            return image
        if image.size != self._size:  # whatever is remembered does not fit
            self._size = image.size
            parts = [np.arange(image.size)]
            self._signals = [
                signal(effect, parts, np.random.default_rng([self._seed, index]))
                for index, effect in enumerate(self._effects)
            ]
        levels = image.astype(np.float64).ravel()
        for each in self._signals:
            each.act(time, levels)
        if np.isnan(levels).any():
            return None
        return np.clip(np.rint(levels), 0, 255).astype(np.uint8).reshape(image.shape)
