# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Experiments of the blimp: claims of the paper, each tried by one command.

Evolutions run side by side in folders of their own below ``runs`` and are resumed where they were
interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from neuro_control.blimp.control.altitude import AltitudeController
from neuro_control.blimp.control.antisymmetric import KINDS
from neuro_control.blimp.control.genome import TERMS, load_network
from neuro_control.blimp.control.laws import make_law
from neuro_control.blimp.control.spiking_controller import SpikingController
from neuro_control.blimp.evaluation import calibration as calibrate
from neuro_control.blimp.evaluation import comparison, damage, real_flights
from neuro_control.blimp.evaluation import frontier as frontiers
from neuro_control.blimp.evaluation.metrics import metrics
from neuro_control.blimp.evaluation.real_flights import Log, read_log
from neuro_control.blimp.evaluation.rollout import rollout
from neuro_control.blimp.simulation.body import Body
from neuro_control.blimp.simulation.world import world
from neuro_control.blimp.training.evolve import Evolution, advance
from neuro_control.blimp.training.run import TrainingRun, train
from neuro_control.cli import experiments
from neuro_control.cli.evaluation import means
from neuro_control.cli.experiments import Experiment, Row
from neuro_control.cli.options import seeds_option
from neuro_control.cli.plotting import figure
from neuro_control.cli.progress import progress
from neuro_control.errors import ConfigurationError

_LAYERS_METRICS = (
    "rmse_m", "sse_m", "sse_worst_m", "overshoot_up_m", "overshoot_down_m", "oscillation_m",
)  # fmt: skip


@dataclass(frozen=True)
class BlimpSetting(experiments.Setting):
    """How the blimp's experiments are done.

    Attributes:
        seeds: Evolutions, or flights, of each kind.
        generations: Generations of each evolution.
        logs: CONTROLLER=FILE of each real flight.
        controllers: Controllers that are compared; those of ``comparison`` if there are none.
    """

    seeds: int = 5
    generations: int = 5000
    logs: tuple[str, ...] = ()
    controllers: tuple[str, ...] = ()

    def read_logs(self) -> dict[str, Log]:
        """Logs of real flights by the controller that flew them.

        Raises:
            ConfigurationError: One is not CONTROLLER=FILE, or the file holds no log.
        """
        found = {}
        for text in self.logs:
            controller, _, file = text.partition("=")
            if not file:
                raise ConfigurationError(f"--log takes CONTROLLER=FILE, not '{text}'")
            make_law(controller)
            found[controller] = read_log(Path(file))
        return found


def calibration(setting: BlimpSetting) -> list[Row]:
    """The heave dynamics fitted to a real flight under PID (--log pid=FILE), beside the model's."""
    logs = setting.read_logs()
    if "pid" not in logs:
        raise ConfigurationError("give the log of a flight under PID: --log pid=FILE")
    return calibrate.fit(logs["pid"])


def real(setting: BlimpSetting) -> list[Row]:
    """Real flights (--log CONTROLLER=FILE) beside simulated ones along the same references."""
    logs = setting.read_logs()
    if not logs:
        raise ConfigurationError("give logs of real flights: --log CONTROLLER=FILE")
    real_flights.draw(logs, setting.seeds, setting.out / "real.png")
    return real_flights.compare(logs, setting.seeds)


def flights(setting: BlimpSetting) -> list[Row]:
    """Networks and PIDs on the same flights: usual ones, trims, and what none was tuned to."""
    return comparison.compare(setting.controllers or comparison.CONTROLLERS, setting.seeds)


def frontier(setting: BlimpSetting) -> list[Row]:
    """What network and tuned PID trade for one another, as their gains are scaled."""
    return frontiers.trade(setting.seeds)


def silenced(setting: BlimpSetting) -> list[Row]:
    """The network with neurons that never fire, drawn anew for each flight."""
    return setting.run("silenced", damage.tasks(setting.seeds), damage.fly)


def altered(setting: BlimpSetting) -> list[Row]:
    """The network with numbers of few bits, and without adaptation."""
    return damage.alter(setting.seeds)


def operations(setting: BlimpSetting) -> list[Row]:  # noqa: ARG001  # as Experiment has it
    """Operations and energy a second of networks beside those of a PID."""
    return damage.operations()


def structures(setting: BlimpSetting) -> list[Row]:
    """Cost of all four hidden layers for both terms, on flights that nothing was chosen by."""
    runs = [
        TrainingRun(
            setting.out / "runs" / f"{term}-{kind}" / f"seed_{seed}",
            Evolution(term, kind, seed, setting.generations, 500),
        )
        for term in TERMS
        for kind in KINDS
        for seed in range(setting.seeds)
    ]
    with progress("structures", len(runs) * setting.generations, "generations") as show:
        results = train(runs, advance, setting.executor, show, threads=1)
    return [
        {
            "term": run.training.term,
            "structure": run.training.kind,
            "seed": run.training.seed,
            "parameters": run.training.design.structure.size,
            **{name: result["test"][name] for name in ("cost", "mae", "rho")},
        }
        for run, result in zip(runs, results, strict=True)
    ]


def _draw_structures(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    with figure(path, 10, 3.6) as drawn:
        axes = drawn.subplots(1, len(TERMS))
        for panel, term in zip(axes, TERMS, strict=True):
            for x, kind in enumerate(KINDS):
                costs = [r["cost"] for r in rows if r["term"] == term and r["structure"] == kind]
                panel.plot([x] * len(costs), costs, "o", alpha=0.6)
                panel.hlines(np.median(costs), x - 0.25, x + 0.25, "k", lw=1)
            panel.set(
                xticks=range(len(KINDS)), ylabel="MAE + 1 − ρ", title=f"{term.upper()} network"
            )
            panel.set_xticklabels(list(KINDS), rotation=15)
            panel.set_ylim(bottom=0.0)
            panel.grid(alpha=0.3)


def layers(setting: BlimpSetting) -> list[Row]:
    """Heavy flights with the integral networks of ``structures``, beside one PD network.

    The paper finds that a plain LIF layer can't integrate. Each kind is flown with the network of
    each of its seeds; the PD network is always the plain LIF with the lowest held-out cost.
    """
    folder = setting.out / "runs"
    pd = min(
        sorted(folder.glob("pd-lif/*/network.safetensors")),
        key=lambda path: float(load_network(path)[1]["validation"]["cost"]),
        default=None,
    )
    if pd is None:
        raise ConfigurationError(f"no networks in {folder}: do `structures` first")
    tasks: list[tuple[Row, tuple[Path, Path]]] = [
        ({"integral": kind, "seed": int(path.parent.name.removeprefix("seed_"))}, (pd, path))
        for kind in KINDS
        for path in sorted(folder.glob(f"i-{kind}/*/network.safetensors"))
    ]
    return setting.run("layers", tasks, _fly_networks)


def _fly_networks(files: tuple[Path, Path]) -> Row:
    """Metrics, on average over two heavy flights, of the networks in two files: a task."""
    pd, integral = (load_network(path)[0] for path in files)
    controller, body = AltitudeController(SpikingController(pd, integral)), Body(world("heavy"))
    found = means([metrics(rollout(body, controller, seed)) for seed in range(2)])
    return {name: found[name] for name in _LAYERS_METRICS}


_GENERATIONS = click.option(
    "--generations",
    type=click.IntRange(min=1),
    default=5000,
    show_default=True,
    help="Generations of each evolution.",
)

_LOGS = click.option(
    "--log",
    "logs",
    multiple=True,
    metavar="CONTROLLER=FILE",
    help="CSV file of a real flight, with the columns time, meas and ref; repeatable.",
)

_CONTROLLERS = click.option(
    "--controller",
    "controllers",
    multiple=True,
    help="Controller that is compared, as `evaluate` takes it; repeatable.",
)

EXPERIMENTS: dict[str, Experiment[BlimpSetting]] = {
    "calibration": Experiment(calibration, options=(_LOGS,)),
    "real": Experiment(real, options=(seeds_option, _LOGS)),
    "flights": Experiment(
        flights, summarise=comparison.summarise, options=(seeds_option, _CONTROLLERS)
    ),
    "frontier": Experiment(frontier, frontiers.draw, options=(seeds_option,)),
    "silenced": Experiment(silenced, summarise=damage.summarise, options=(seeds_option,)),
    "altered": Experiment(altered, summarise=damage.summarise, options=(seeds_option,)),
    "operations": Experiment(operations),
    "structures": Experiment(structures, _draw_structures, options=(seeds_option, _GENERATIONS)),
    "layers": Experiment(layers),
}

experiment = experiments.group("blimp", EXPERIMENTS, BlimpSetting)
