# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Half-centre oscillators as the contact schedule, in place of the gait scheduler.

Each limb has a flexor and an extensor half-centre, which inhibit one another through interneurons
and burst by a persistent sodium current; a foot swings while its flexor is the more active. Neurons
that cross the cord couple left and right (V0D and V0V drive them apart, V3 together), and long
propriospinal ones fore and hind limbs, on the same side and diagonally. One scalar, the drive from
the brainstem, excites the flexors and inhibits the V0 neurons, so that with it frequency rises and
the gait changes from walk to trot, gallop and bound.

Circuit, weights and drives: Danner, Shevtsova, Frigon and Rybak, "Computational modeling of spinal
circuits controlling limb coordination and gaits in quadrupeds" (eLife 2017;6:e31050), a mouse's.
The quadruped NCAP (Bhattasali et al., arXiv 2410.07174) gives a robot's policy such a circuit as
its architecture. What is ours: time runs slower, since a robot ten times as high as a mouse steps
as dynamically similar animals do, √10 times as slowly; rest; load; phases that predict contacts.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from neuro_control.errors import ConfigurationError
from neuro_control.quadruped.control.command import Command
from neuro_control.quadruped.control.types import LEGS
from neuro_control.spiking.population import HALF_CENTRE, INTERNEURON, activity, population

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

# Time of the mouse's circuit in a second of the robot's, ms, and its longest step, ms.
_TEMPO, _STEP = 1000.0 / math.sqrt(10.0), 0.35
# Inhibition that keeps flexors at rest and lets them finish what they do, nS (in animals that of
# the brainstem's stop cells: Bouvier et al., Cell 163:1191, 2015).
_REST = 0.3
# Sodium current that flexors have left when they leave their rest, so that one diagonal goes before
# the other; and how much of their stance is over when the first foot goes.
_FIRST_STEP = np.array([0.1, 0.5, 0.6, 0.1])
_FIRST_TURNS = np.array([0.2, 0.9, 1.0, 0.2])
# Until each foot has swung the drive is no more than this: more, and all would swing at once.
_FIRST_DRIVE = 0.2
# From rest it begins when the trunk is as calm as this, m/s.
_CALM = 0.05
# What four feet press with in flight at most, N.
_NOTHING = 20.0
# From any state it rests after that time, s.
_SETTLING = 1.5
# Drive of a walk in place; and of steps that nobody commanded, after a push or before a stop.
_SLOWEST, _REACTION = 0.06, 0.5
# Speed with full drive, m/s; what turning counts for, m; the drive changes by this much a second.
FASTEST, _TURN, _SLEW = 1.6, 0.3, 2.0
# A trunk whose velocity error is larger than this has been pushed, m/s; the rest counts as speed.
_STEADY = 0.2
# How long the circuit swings and stands, s, by drive, to predict contacts. A test holds them.
DRIVES = np.array([0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0])
SWINGS = np.array([0.347, 0.346, 0.329, 0.316, 0.296, 0.272, 0.217, 0.162, 0.138])
STANDS = np.array([1.028, 0.761, 0.546, 0.445, 0.370, 0.319, 0.238, 0.189, 0.164])
# A limb may differ from that by this factor.
_SHARE = 1.6
# A foot that has stood longer than expected is about to swing, and one that has swung, to stand.
_ABOUT = 0.999

# Each limb's neurons. F and E are the half-centres.
_NEURONS = (
    "F", "E", "InF", "InE", "V0D", "V0D2", "V2a", "V0V", "InV0V", "V3", "Hom", "V2aDiag", "V0VDiag",
)  # fmt: skip
# Synapses: source, target, the target's limb, and weight in nS, excitatory above 0 and inhibitory
# below. The limb is the source's own, or the one across the cord, along it (fore to hind or hind to
# fore), or diagonally.
_OWN, _ACROSS, _ALONG, _DIAGONAL = 0, 1, 2, 3
_SYNAPSES = (
    ("F", "InF", _OWN, 4.0), ("InF", "E", _OWN, -10.0),
    ("E", "InE", _OWN, 4.0), ("InE", "F", _OWN, -0.8),
    ("F", "V0D", _OWN, 7.0), ("V0D", "F", _ACROSS, -0.7),
    ("E", "V0D2", _OWN, 4.0), ("V0D2", "F", _ACROSS, -0.3),
    ("F", "V2a", _OWN, 10.0), ("V2a", "V0V", _OWN, 10.0),
    ("V0V", "InV0V", _ACROSS, 6.0), ("InV0V", "F", _OWN, -0.7),
    ("F", "V3", _OWN, 3.5), ("V3", "F", _ACROSS, 0.3),
    ("E", "Hom", _OWN, 5.0),
    ("F", "V2aDiag", _OWN, 5.0), ("V2aDiag", "V0VDiag", _OWN, 9.0),
)  # fmt: skip
_FORE_NEURONS = ("InHom", "V0DDiag")
_FORE = (
    ("Hom", "F", _ALONG, 0.1), ("V0VDiag", "F", _DIAGONAL, 0.2),
    ("F", "InHom", _OWN, 7.0), ("InHom", "F", _ALONG, -0.1),
    ("F", "V0DDiag", _OWN, 5.0), ("V0DDiag", "F", _DIAGONAL, -0.75),
)  # fmt: skip
_HIND = (("Hom", "F", _ALONG, 1.25), ("V0VDiag", "F", _DIAGONAL, 0.65))
# Conductance that the drive opens, nS at full drive; and what extensors always get.
_FULL = 1.05
_DRIVEN = {"F": _FULL, "V0V": -1.5 * _FULL, "V0D": -7.5 * _FULL, "V0DDiag": -7.5 * _FULL}
_TONIC = 1.0


# Kinds of neurons, by which experiments silence them.
KINDS = (*_NEURONS, *_FORE_NEURONS)


def _wired() -> tuple[list[str], Indices, Indices, Array, Array]:
    """The circuit: names, first synapse of each neuron, sources, weights, drives.

    The half-centres come first: the limbs' flexors in the order of ``LEGS``, then extensors.
    """
    names = [f"{leg} {neuron}" for neuron in _NEURONS for leg in LEGS]
    names += [f"{leg} {neuron}" for neuron in _FORE_NEURONS for leg in LEGS[:2]]
    received: list[list[tuple[int, float]]] = [[] for _ in names]
    for limb, leg in enumerate(LEGS):
        for source, target, side, weight in _SYNAPSES + (_FORE if limb < 2 else _HIND):
            # FL, FR, RL, RR: the first bit is the side, the second the girdle.
            listener = names.index(f"{LEGS[limb ^ side]} {target}")
            received[listener].append((names.index(f"{leg} {source}"), weight))
    first = np.cumsum([0, *map(len, received)])
    sources = np.array([source for synapses in received for source, _ in synapses])
    weights = np.array([weight for synapses in received for _, weight in synapses])
    driven = np.array([_DRIVEN.get(name.split()[1], 0.0) for name in names])
    return names, first, sources, weights, driven


NAMES, _FIRST, _SOURCES, _WEIGHTS, _GAINS = _wired()
_INHIBITORY = NAMES.index("FL InE")


def _wiring(silenced: Collection[str] = ()) -> NDArray[Any]:
    """The circuit's synapses and drives as a structured array of one row."""
    silent = np.array([name.split()[1] in silenced for name in NAMES])
    weights = np.where(silent[_SOURCES], 0.0, _WEIGHTS)
    parts = {"first": _FIRST, "sources": _SOURCES, "weights": weights, "gains": _GAINS}
    row = np.zeros(1, [(name, part.dtype, part.shape) for name, part in parts.items()])
    for name, part in parts.items():
        row[name] = part
    return row


# What is kept from step to step: voltages (mV), inactivations and activities of the neurons, what
# loaded feet excite (nS); and of the feet, which swing, how long each has done what it does (s),
# how long each stands and swings over what is expected, which began that in time, and their phases.
_STATE = np.dtype(
    [
        ("voltages", np.float64, (len(NAMES),)),
        ("inactivations", np.float64, (8,)),
        ("activities", np.float64, (len(NAMES),)),
        ("loads", np.float64, (4,)),
        ("swinging", np.uint8, (4,)),
        ("clocks", np.float64, (4,)),
        ("shares", np.float64, (2, 4)),
        ("known", np.uint8, (4,)),
        ("phases", np.float64, (4,)),
    ]
)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _advance(state: Any, wiring: Any, drive: float, rest: float, step: float, count: int) -> None:
    """Let the circuit go on for ``count`` steps of ``step`` ms.

    Args:
        state: ``_STATE``.
        wiring: Of ``_wiring``.
        drive: 0 to 1.
        rest: Inhibition of the flexors, nS.
        step: Length of a step, ms.
        count: Number of steps.
    """
    own, wires = state[0], wiring[0]
    voltages, inactivations, activities = own.voltages, own.inactivations, own.activities
    first, sources, weights, gains = wires.first, wires.sources, wires.weights, wires.gains
    loads = own.loads
    for _ in range(count):
        for i in range(voltages.size):
            activities[i] = activity(voltages[i])
        for i in range(voltages.size):
            excitation = inhibition = 0.0
            for k in range(first[i], first[i + 1]):
                if weights[k] > 0.0:
                    excitation += weights[k] * activities[sources[k]]
                else:
                    inhibition -= weights[k] * activities[sources[k]]
            if gains[i] > 0.0:
                excitation += gains[i] * drive
            else:
                inhibition -= gains[i] * drive
            if i < 4:
                inhibition += rest
            elif i < 8:
                excitation += _TONIC + loads[i - 4]
            elif _INHIBITORY <= i < _INHIBITORY + 4:
                excitation += loads[i - _INHIBITORY]
            if i < 8:
                voltages[i], inactivations[i] = population(
                    voltages[i], inactivations[i], HALF_CENTRE, excitation, inhibition, step
                )
            else:
                voltages[i], _ = population(
                    voltages[i], 0.0, INTERNEURON, excitation, inhibition, step
                )


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _bear(state: Any, forces: Array, load: float) -> None:
    """Write what loaded feet excite: ``load`` where all bear alike, and twice that at most."""
    loads = state[0].loads
    total = max(forces.sum(), _NOTHING)
    for i in range(4):
        loads[i] = load * min(max(4.0 * forces[i] / total, 0.0), 2.0)


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _expected(drive: float, durations: Array) -> float:
    """The one of ``durations``, which belong to ``DRIVES``, at a drive."""
    k = 0
    while k < DRIVES.size - 2 and drive > DRIVES[k + 1]:
        k += 1
    part = (drive - DRIVES[k]) / (DRIVES[k + 1] - DRIVES[k])
    found: float = durations[k] + min(max(part, 0.0), 1.0) * (durations[k + 1] - durations[k])
    return found


@numba.njit(cache=True)  # type: ignore[untyped-decorator]  # numba is untyped
def _follow(state: Any, drive: float, period: float, resting: bool) -> tuple[bool, float, float]:
    """Write the feet's phases; return whether all rest, and the duration and frequency.

    Args:
        state: ``_STATE``.
        drive: 0 to stop.
        period: Time since the last step, s.
        resting: What was returned the last time.
    """
    own = state[0]
    voltages, swinging, clocks = own.voltages, own.swinging, own.clocks
    shares, known, phases = own.shares, own.known, own.phases
    expected = _expected(drive, STANDS), _expected(drive, SWINGS)
    for i in range(4):
        clocks[i] += period
        swings = voltages[i] > voltages[4 + i]
        if swings == (swinging[i] != 0):
            continue
        if resting:
            # The first step of all.
            resting = False
            for j in range(4):
                clocks[j] = _FIRST_TURNS[j] * expected[0]
        if known[i]:
            was = int(swinging[i])
            share = min(max(clocks[i] / expected[was], 1.0 / _SHARE), _SHARE)
            shares[was, i] += 0.5 * (share - shares[was, i])
        known[i] = True
        swinging[i] = swings
        clocks[i] = 0.0
    if drive == 0.0 and not swinging.any():
        resting = True
    stands, swings = expected[0] * shares[0].mean(), expected[1] * shares[1].mean()
    duration = 1.0 if resting else stands / (stands + swings)
    for i in range(4):
        was = int(swinging[i])
        part = min(clocks[i] / (expected[was] * shares[was, i]), _ABOUT)
        phases[i] = duration + (1.0 - duration) * part if was else duration * part
    return resting, duration, 1.0 / (stands + swings)


class Oscillators:
    """Contacts of four feet over time, in the place of a ``GaitScheduler``.

    Gait, frequency and duration are the drive's, not the command's. The drive follows the speed
    that is commanded, sideways and turning included, to 1 at 1.6 m/s, and what a push adds; a
    command to stand brings it to zero, and the oscillators to rest. A foot's phase says how much
    of its stance or swing is over, against what is expected at that drive and by how much the
    limb's own last ones differed from that.

    Attributes:
        phases: Phases of the feet, (4,), in [0, 1); the feet whose flexors are quiet are in stance
            and below ``duration``.
        duration: Part of the cycle that a foot is in stance; 1 at rest.
        frequency: Hz.
        drive: 0 to 1, of the present.

    Args:
        drive: 0 to 1, whatever speed is commanded; None to follow it.
        load: By which a foot that bears a fourth of the weight excites its limb's extensors, nS.
            Load then prolongs stance and ends swing, as in animals, and holds the trot at speeds
            at which the circuit alone gallops.
        silenced: Kinds of neurons, of ``KINDS``, whose output reaches nobody, as in a mutant that
            lacks them.

    Raises:
        ConfigurationError: A number is out of range.
    """

    def __init__(
        self, drive: float | None = None, load: float = 0.0, silenced: Collection[str] = ()
    ) -> None:
        if drive is not None and not 0.0 <= drive <= 1.0:
            raise ConfigurationError(f"the oscillators' drive lies between 0 and 1, not {drive}")
        if not 0.0 <= load <= 1.0:
            raise ConfigurationError(f"the oscillators' load lies between 0 and 1, not {load}")
        unknown = [kind for kind in silenced if kind not in KINDS]
        if unknown:
            raise ConfigurationError(
                f"no neurons of the kind '{unknown[0]}': there are {', '.join(KINDS)}"
            )
        self._drive, self._load = drive, load
        self._wiring = _wiring(silenced)
        self.reset(Command())

    def reset(self, command: Command) -> None:
        """Begin at rest, where every walk begins, whatever the command."""
        self.drive, self.duration, self.frequency = 0.0, 1.0, 1.0
        self._state = state = np.zeros(1, _STATE)
        state["voltages"], state["inactivations"] = INTERNEURON.rest, 0.5
        state["shares"] = 1.0
        # Views into it.
        self.phases = state["phases"][0]
        self._voltages, self._inactivations = state["voltages"][0], state["inactivations"][0]
        self._swinging = state["swinging"][0].view(np.bool_)
        self._known = state["known"][0].view(np.bool_)
        self._clocks = state["clocks"][0]
        self._resting = True
        self._go_on(_SETTLING)

    def _goal(self, command: Command, longest: float, velocity_error: float) -> float:
        """The drive that a command asks for."""
        if command.duration >= 1.0:
            return 0.0 if longest >= 1.0 else _REACTION
        if self._drive is not None:
            return self._drive
        speed = math.hypot(command.forward, command.left) + _TURN * abs(command.yaw_rate)
        drive = min(max(speed / FASTEST, _SLOWEST), 1.0)
        # Who steps fast already gains nothing by stepping faster.
        pushed = min(drive + max(velocity_error - _STEADY, 0.0) / FASTEST, _REACTION)
        return max(drive, pushed)

    def step(
        self,
        command: Command,
        period: float,
        longest: float = 1.0,
        forces: Array | None = None,
        velocity_error: float = 0.0,
    ) -> None:
        """Go on towards a command.

        Args:
            command: Within its ranges.
            period: By which time goes on, s.
            longest: Below 1, the feet must step even if a stand is commanded.
            forces: With which the feet press, (4,), N; None if nobody knows.
            velocity_error: Tracking error of the trunk's velocity, m/s.
        """
        goal = self._goal(command, longest, velocity_error)
        if self.drive == 0.0 and self._resting and longest >= 1.0 and velocity_error > _CALM:
            goal = 0.0
        if not self._known.all():
            goal = min(goal, _FIRST_DRIVE)
        if self.drive == 0.0 and goal > 0.0:
            self.drive = min(_SLOWEST, goal)
            if self._resting:
                self._inactivations[:4] = _FIRST_STEP
                self._known[:] = False
        most = _SLEW * period
        self.drive += min(max(goal - self.drive, -most), most)
        if goal == 0.0 and self.drive < _SLOWEST:
            self.drive = 0.0
        if forces is not None:
            _bear(self._state, forces, self._load)
        self._go_on(period)

    def _go_on(self, period: float) -> None:
        count = math.ceil(period * _TEMPO / _STEP)
        rest = 0.0 if self.drive else _REST
        _advance(self._state, self._wiring, self.drive, rest, period * _TEMPO / count, count)
        self._resting, self.duration, self.frequency = _follow(
            self._state, self.drive, period, self._resting
        )

    @property
    def changing(self) -> bool:
        """Never: gaits follow from the drive, at speeds at which they are walked."""
        return False

    @property
    def stance(self) -> NDArray[np.bool_]:
        """Which feet are in stance, (4,)."""
        found: NDArray[np.bool_] = self.phases < self.duration
        return found
