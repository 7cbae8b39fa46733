# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What networks bear: silenced neurons, weights of few bits, no adaptation; and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_control.blimp.control.altitude import AltitudeController
from neuro_control.blimp.control.antisymmetric import PAIRS
from neuro_control.blimp.control.genome import Genome
from neuro_control.blimp.control.laws import make_law
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.control.types import CONTROL_PERIOD
from neuro_control.blimp.evaluation.comparison import Condition, flights_of, metrics_of
from neuro_control.blimp.evaluation.metrics import metrics
from neuro_control.blimp.evaluation.rollout import rollout
from neuro_control.blimp.simulation.body import Body
from neuro_control.blimp.simulation.conditions import conditions
from neuro_control.blimp.simulation.heave import networks_of, simulate
from neuro_control.blimp.simulation.world import world
from neuro_control.cli.evaluation import interval
from neuro_control.cli.experiments import Row
from neuro_control.errors import ConfigurationError
from neuro_control.spiking import network as dense

Array = NDArray[np.float64]

FIRST_SEED = 2000
# Silenced neurons have thresholds that nothing reaches.
_NEVER = 1e9
SILENCED = ("none", "5 % silenced", "10 % silenced", "20 % silenced")
ALTERED = ("none", "8 bits", "6 bits", "4 bits", "no adaptation")
_METRICS = ("rmse_m", "sse_m", "oscillation_m", "overshoot_up_m", "overshoot_down_m")
# Energy of 32-bit floating-point operations in 45 nm, pJ (Horowitz, ISSCC 2014).
_MULTIPLICATION, _ADDITION = 3.7, 0.9


class WrittenOut:
    """A spiking controller without pairs, neuron by neuron, some of which never fire.

    Args:
        controller: The controller.
        silent: Which of its neurons never fire, (160,), in the order of ``dense`` networks: the
            encoders of the PD, its hidden neurons, then those of the integral.
    """

    def __init__(self, controller: SpikingController, silent: NDArray[np.bool_]) -> None:
        self._limit = controller.limit
        self._structures, self._networks = [], []
        genomes = (controller.pd, controller.integral)
        for genome, quiet in zip(genomes, np.split(silent, 2), strict=True):
            network = genome.design.structure.expand(genome.vector)
            encoders, hidden = np.split(quiet, 2)
            self._networks.append(
                network._replace(
                    encoder_threshold=np.where(encoders, _NEVER, network.encoder_threshold),
                    threshold=np.where(hidden, _NEVER, network.threshold),
                )
            )
            self._structures.append(genome.design.structure.expanded)
        self.reset()

    def reset(self) -> None:
        """Return to rest."""
        pairs = zip(self._structures, self._networks, strict=True)
        self._states = [dense.rest(structure, network) for structure, network in pairs]

    def step(self, error: float) -> float:
        """Command in [-limit, limit] for the error set-point − altitude, m."""
        total = 0.0
        for k, (structure, network) in enumerate(
            zip(self._structures, self._networks, strict=True)
        ):
            output, self._states[k] = dense.step(structure, network, error, self._states[k])
            total += float(output)
        return min(max(total, -self._limit), self._limit)


def quantised(controller: SpikingController, bits: int) -> SpikingController:
    """The same controller with numbers of a few bits, evenly spaced over each part's values.

    Pairs of each kind have a scale of their own, as groups of weights have where networks run in
    few bits: those that answer changes and those that integrate differ by a thousand in weight.
    """
    genomes = []
    for genome in (controller.pd, controller.integral):
        arrays = genome.arrays()
        kinds = _kinds(arrays)
        parts = {name: np.array(values) for name, values in arrays.items()}
        for name, values in arrays.items():
            if not values.shape:
                continue  # the one decay of the read-out is its own least and largest
            for kind in np.unique(kinds):
                mine = kinds == kind
                parts[name][mine] = _rounded(values[mine], bits)
        genomes.append(Genome(genome.design, genome.design.structure.vector(parts)))
    pd, integral = genomes
    return SpikingController(pd, integral, controller.limit)


def _kinds(arrays: Mapping[str, Array]) -> NDArray[np.int64]:
    """Kind of each pair, (pairs,): whether it is recurrent, and whether its thresholds adapt."""
    none = np.zeros(PAIRS)
    recurrent = arrays.get("recurrent_same", none) != 0
    adaptive = arrays.get("adaptation", none) != 0
    kinds: NDArray[np.int64] = 2 * recurrent.astype(np.int64) + adaptive
    return kinds


def _rounded(values: Array, bits: int) -> Array:
    """Values on an even grid of 2^bits between the least and the largest of them."""
    low, high = values.min(), values.max()
    step = (high - low) / (2**bits - 1)
    if step <= 0:
        return values
    rounded: Array = np.clip(low + np.round((values - low) / step) * step, low, high)
    return rounded


def without_adaptation(controller: SpikingController) -> SpikingController:
    """The same controller with thresholds that don't adapt."""
    genomes = []
    for genome in (controller.pd, controller.integral):
        parts = genome.arrays()
        if genome.design.structure.adaptive:
            parts["adaptation"] = np.zeros_like(parts["adaptation"])
        genomes.append(Genome(genome.design, genome.design.structure.vector(parts)))
    pd, integral = genomes
    return SpikingController(pd, integral, controller.limit)


def damaged(controller: SpikingController, damage: str, seed: int) -> Any:
    """The control law that is left of a controller after one of ``SILENCED`` or ``ALTERED``."""
    amount, _, kind = damage.partition(" ")
    if damage == "no adaptation":
        return without_adaptation(controller)
    if kind == "bits":
        return quantised(controller, int(amount))
    if kind == "% silenced":
        rng, count = np.random.default_rng([seed, 5]), len(controller.neurons)
        silent = np.zeros(count, bool)
        silent[rng.choice(count, round(count * int(amount) / 100), replace=False)] = True
        return WrittenOut(controller, silent)
    return controller


def fly(task: tuple[str, str, str, int]) -> Row:
    """Metrics of one flight of a damaged controller, in MuJoCo: a task."""
    name, damage, case, seed = task
    flown_by = AltitudeController(damaged(_networks(name), damage, seed))
    found = metrics(rollout(Body(world(case)), flown_by, seed))
    return {metric: found[metric] for metric in _METRICS}


def _networks(name: str) -> SpikingController:
    law = make_law(name)
    if not isinstance(law, SpikingController):
        raise ConfigurationError(f"{name} has no neurons")
    return law


def tasks(seeds: int) -> list[tuple[Row, tuple[str, str, str, int]]]:
    """Label and task of each heavy flight with silenced neurons."""
    return [
        ({"case": "heavy", "damage": damage, "seed": seed}, ("snn", damage, "heavy", seed))
        for damage in SILENCED
        for seed in range(FIRST_SEED, FIRST_SEED + seeds)
    ]


def alter(seeds: int) -> list[Row]:
    """Metrics of flights with altered numbers; those of a case are the same for all of them."""
    rows: list[Row] = []
    numbers = range(FIRST_SEED, FIRST_SEED + seeds)
    # A battery that sags is what an adaptation could follow.
    for case in ("heavy", "sagging"):
        flights = flights_of(Condition(conditions(case)), numbers)
        for damage in ALTERED:
            law = damaged(_networks("snn"), damage, 0)
            pair = ((each.design, each.vector[None]) for each in (law.pd, law.integral))
            altitudes = simulate(networks_of(*pair), *flights)[0]
            for seed, set_points, altitude in zip(numbers, flights[0], altitudes, strict=True):
                found = metrics_of(set_points, altitude)
                label: Row = {"case": case, "damage": damage, "seed": seed}
                rows.append({**label, **{name: found[name] for name in _METRICS}})
    return rows


def summarise(rows: list[Row]) -> list[Row]:
    """Means over the flights of each damage, and the 95 % bootstrap interval of the RMSE."""
    found: list[Row] = []
    for case, damage in dict.fromkeys((row["case"], row["damage"]) for row in rows):
        its = [row for row in rows if (row["case"], row["damage"]) == (case, damage)]
        means = {name: float(np.nanmean([row[name] for row in its])) for name in _METRICS}
        low, high = interval(np.array([row["rmse_m"] for row in its]), np.random.default_rng(0))
        worst = max(row["rmse_m"] for row in its)
        found.append(
            {"case": case, "damage": damage, **means, "low": low, "high": high, "worst": worst}
        )
    return found


def operations(controllers: Sequence[str] = ("pid", "snn-evolved", "snn")) -> list[Row]:
    """Multiplications, additions and energy a second of control laws on a heavy flight.

    A PID with a filter takes 7 multiplications and 8 additions a tick. A network takes a
    multiplication and an addition for each encoder, a multiplication and an addition for each leak
    (voltages, currents, traces, read-outs), and an addition for each synapse that a spike passes.
    """
    rows: list[Row] = []
    for name in controllers:
        law = make_law(name)
        spikes = synapses = 0.0
        multiplications, additions = 7.0, 8.0
        if isinstance(law, SpikingController):
            flight = rollout(Body(world("heavy")), AltitudeController(law), FIRST_SEED)
            seconds = len(flight.time) * CONTROL_PERIOD
            spikes = float(flight.spikes.sum()) / seconds
            synapses = flight.synaptic_operations / seconds
            multiplications = additions = float(sum(map(_leaks, (law.pd, law.integral))))
        each = 1.0 / CONTROL_PERIOD
        rows.append(
            {
                "controller": name,
                "spikes_per_s": spikes,
                "synaptic_additions_per_s": synapses,
                "multiplications_per_s": each * multiplications,
                "other_additions_per_s": each * additions,
                "energy_nj_per_s": 1e-3
                * (
                    each * (multiplications * _MULTIPLICATION + additions * _ADDITION)
                    + synapses * _ADDITION
                ),
            }
        )
    return rows


def _leaks(genome: Genome) -> int:
    """Multiplications a tick of a network, whatever fires: encoding, leaks, read-out.

    A decay of 0 takes none, and one of 1 takes none.
    """
    parts = genome.arrays()
    leaks = ["encoder_decay", "current_decay", "voltage_decay"]
    leaks += ["trace_decay"] if genome.design.structure.adaptive else []
    count = sum(int(((parts[name] > 0) & (parts[name] < 1)).sum()) for name in leaks)
    return 2 * (len(parts["encoder_weight"]) + count) + 2
