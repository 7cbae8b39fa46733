# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A graph of NIR run tick by tick by snnTorch's neurons, as another program would run it.

It knows nothing of the networks that were exported: what it needs stands in the file. Nodes are
evaluated in the order of the graph; a circle of edges is cut where it returns to a neuron, which
then receives the spikes of the tick before, unless a delay of a tick or more stands in it.

Source: snnTorch (https://github.com/jeshraghian/snntorch); the kinds of nodes are those of
``nir_files`` and of ``places.control.nir_file``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neuro_control.errors import ConfigurationError
from neuro_control.spiking.nir_files import library

try:
    import snntorch
except ImportError as error:
    raise ConfigurationError(
        "to run a graph of NIR needs snntorch: pip install 'neuro_control[nir]'"
    ) from error


class NIRRunner(nn.Module):
    """A graph of NIR in snnTorch.

    Args:
        graph: The graph (``nir.NIRGraph``), with its tick as ``step`` in its metadata.
        dtype: Type of its numbers.

    Attributes:
        values: Output of each node in the last tick, by its name.

    Raises:
        ConfigurationError: The graph has no tick, or a node of a kind that is not known here.
    """

    def __init__(self, graph: Any, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        if "step" not in graph.metadata:
            raise ConfigurationError("the graph doesn't say its tick: metadata need a step, in s")
        self._dtype = dtype
        step = float(graph.metadata["step"])
        made = {name: _module(node, step, dtype) for name, node in graph.nodes.items()}
        self._modules_of = made
        self.nodes = nn.ModuleList(made.values())
        self._sources = {
            name: [first for first, last in graph.edges if last == name] for name in made
        }
        self._order = _order(made, self._sources)
        self._sizes = {name: _size(node) for name, node in graph.nodes.items()}
        self.reset()

    def reset(self) -> None:
        """Return all neurons to rest."""
        self.values = {
            name: torch.zeros(size, dtype=self._dtype) for name, size in self._sizes.items()
        }
        for module in self._modules_of.values():
            module.reset()

    @torch.no_grad()
    def forward(self, value: Tensor) -> Tensor:
        """Output of the graph after one tick with the input ``value``."""
        modules = self._modules_of
        for name, module in modules.items():
            if isinstance(module, _Delay) and module.whole:
                self.values[name] = module.waiting()
        for name in self._order:
            module = modules[name]
            if isinstance(module, _Delay) and module.whole:
                continue
            if isinstance(module, _Input):
                self.values[name] = value.to(self._dtype)
                continue
            received = [self.values[source] for source in self._sources[name]]
            if isinstance(module, _Adaptive):
                self.values[name] = module(_total(received), self.values[module.source])
            elif isinstance(module, _Conductance):
                self.values[name] = module(received)
            else:
                self.values[name] = module(_total(received))
        for name, module in modules.items():
            if isinstance(module, _Delay) and module.whole:
                module.take(_total([self.values[source] for source in self._sources[name]]))
        return self.values[next(n for n, m in modules.items() if isinstance(m, _Output))]


def _total(values: list[Tensor]) -> Tensor:
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def _size(node: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in np.atleast_1d(next(iter(node.output_type.values()))))


def _order(modules: dict[str, nn.Module], sources: dict[str, list[str]]) -> list[str]:
    """Nodes such that each comes after its sources, wherever no circle leads through them."""
    done: list[str] = []
    begun: set[str] = set()

    def visit(name: str) -> None:
        if name in begun:
            return
        begun.add(name)
        module = modules[name]
        if not (isinstance(module, _Delay) and module.whole):
            # A weight that only a circle leads to waits for the spikes of this tick: it is
            # visited from its neuron, which has begun, and so receives those of the tick before.
            for source in sources[name]:
                visit(source)
            if isinstance(module, _Adaptive):
                visit(module.source)
        done.append(name)

    for name in modules:
        visit(name)
    return done


class _Stateless(nn.Module):
    def reset(self) -> None:
        """There is nothing to forget."""


class _Input(_Stateless):
    pass


class _Output(_Stateless):
    def forward(self, value: Tensor) -> Tensor:
        return value


class _Synapses(_Stateless):
    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.weight, self.bias = weight, bias

    def forward(self, value: Tensor) -> Tensor:
        return nn.functional.linear(value, self.weight, self.bias)


class _Neurons(nn.Module):
    """Neurons of snnTorch whose state is handed to them anew in each tick."""

    def __init__(self, neurons: nn.Module, states: int, gain: Tensor) -> None:
        super().__init__()
        self.neurons, self._gain = neurons, gain
        self._rest = tuple(torch.zeros_like(gain) for _ in range(states))
        self.reset()

    def reset(self) -> None:
        """Return to rest."""
        self.state = self._rest

    def forward(self, drive: Tensor) -> Tensor:
        spikes, *state = self.neurons(self._gain * drive, *self.state)
        self.state = tuple(state)
        return spikes.to(drive.dtype)  # type: ignore[no-any-return]  # snntorch is untyped


class _Adaptive(nn.Module):
    """Neurons whose thresholds follow the traces of spikes of the node ``source``."""

    def __init__(self, node: Any, step: float, dtype: torch.dtype) -> None:
        super().__init__()
        facts = node.metadata
        self.source = str(facts["threshold_of"])
        # The reset is done here, by the threshold that was passed.
        self.neurons = _synaptic(node, step, dtype, "none")
        self._base = _tensor(node.v_threshold, dtype)
        self._kept = 1.0 - step / _tensor(facts["threshold_tau"], dtype)
        self._weight = _tensor(facts["threshold_weight"], dtype)
        self.reset()

    def reset(self) -> None:
        """Return to rest."""
        self._synaptic = self._voltage = self._spikes = torch.zeros_like(self._base)
        self._threshold = self._base
        self._trace = torch.zeros_like(self._kept)

    def forward(self, drive: Tensor, spikes: Tensor) -> Tensor:
        fallen = self._spikes * self._threshold
        _, self._synaptic, voltage = self.neurons(drive, self._synaptic, self._voltage)
        self._voltage = voltage - fallen
        self._trace = self._kept * self._trace + spikes
        self._threshold = self._base + self._weight @ self._trace
        self.neurons.threshold = self._threshold
        self._spikes = self.neurons.fire(self._voltage).to(drive.dtype)
        return self._spikes


class _Delay(nn.Module):
    """Delays in whole ticks, each input its own; ``whole`` if all are a tick or more."""

    def __init__(self, ticks: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self._ticks = ticks
        self._depth = int(ticks.max()) + 1
        self._every = torch.arange(len(ticks))
        self._dtype = dtype
        self.whole = bool((ticks > 0).all())
        self.reset()

    def reset(self) -> None:
        """Forget what is under way."""
        self._line = torch.zeros(self._depth, len(self._ticks), dtype=self._dtype)
        self._tick = 0

    def waiting(self) -> Tensor:
        """What arrives in this tick."""
        return self._line[(self._tick - self._ticks) % self._depth, self._every]

    def take(self, value: Tensor) -> None:
        """Take what leaves in this tick, which ends it."""
        self._line[self._tick % self._depth] = value
        self._tick += 1

    def forward(self, value: Tensor) -> Tensor:
        self._line[self._tick % self._depth] = value
        arrived = self.waiting()
        self._tick += 1
        return arrived


class _Conductance(nn.Module):
    """Neurons whose synapses are conductances, excitatory where positive, else inhibitory.

    The equations are those of ``conductance``, in a step that no conductance makes overshoot; the
    threshold is snnTorch's.
    """

    def __init__(self, node: Any, step: float, dtype: torch.dtype) -> None:
        super().__init__()
        facts = node.metadata
        excitation, inhibition = float(node.tau_syn[0]), float(facts["tau_inhibition"])
        self._kept = np.exp(-step / excitation), np.exp(-step / inhibition)
        self._mean = tuple(
            constant * (1 - kept) / step
            for constant, kept in zip((excitation, inhibition), self._kept, strict=True)
        )
        self._leak = step / float(node.tau_mem[0])
        self._rest, self._reset_to = float(node.v_leak[0]), float(node.v_reset[0])
        self._reversal = float(facts["v_excitation"]), float(facts["v_inhibition"])
        self._gain = float(node.w_in[0]) * step / excitation
        self._refractory = round(float(facts["refractory"]) / step)
        self._interval = round(float(facts["interval"]) / step)
        threshold = _tensor(node.v_threshold, dtype)
        self.neurons = snntorch.Leaky(beta=1.0, threshold=threshold, reset_mechanism="none")
        self.reset()

    def reset(self) -> None:
        """Return to rest."""
        like = self.neurons.threshold
        self._voltage = torch.full_like(like, self._rest)
        self._excitation = self._inhibition = torch.zeros_like(like)
        self._since = torch.full_like(like, self._interval)

    def forward(self, received: list[Tensor]) -> Tensor:
        drive = _total([torch.relu(each) for each in received])
        brake = _total([torch.relu(-each) for each in received])
        ge, gi = self._excitation * self._mean[0], self._inhibition * self._mean[1]
        drawn = self._rest + ge * self._reversal[0] + gi * self._reversal[1]
        moved = (self._voltage + self._leak * drawn) / (1 + self._leak * (1 + ge + gi))
        self._voltage = torch.where(self._since >= self._refractory, moved, self._voltage)
        self._excitation = self._excitation * self._kept[0] + self._gain * drive
        self._inhibition = self._inhibition * self._kept[1] + brake
        self._since = self._since + 1
        spikes = self.neurons.fire(self._voltage).to(drive.dtype) * (self._since >= self._interval)
        self._voltage = torch.where(spikes > 0, self._reset_to, self._voltage)
        self._since = torch.where(spikes > 0, 0.0, self._since)
        return spikes  # type: ignore[no-any-return]  # snntorch is untyped


def _tensor(values: Any, dtype: torch.dtype) -> Tensor:
    return torch.as_tensor(np.asarray(values), dtype=dtype)


def _gain(node: Any, step: float, dtype: torch.dtype) -> Tensor:
    """By how much an input of 1 raises the voltage in an Euler step; snnTorch's neurons take 1.

    Raises:
        ConfigurationError: The neurons leak towards a voltage other than 0.
    """
    if np.any(np.asarray(node.v_leak) != 0.0):
        raise ConfigurationError("neurons of snnTorch leak towards 0, those of the graph do not")
    if hasattr(node, "tau_syn"):
        gain = node.w_in * (step / node.tau_syn) * node.r * (step / node.tau_mem)
    else:
        gain = node.r * (step / node.tau)
    # What was written as 1 comes back as 1 but for rounding, of which nothing shall be left.
    return _tensor(np.where(np.isclose(gain, 1.0, rtol=1e-12, atol=0.0), 1.0, gain), dtype)


def _reset_of(node: Any) -> str:
    return "subtract" if node.metadata.get("reset") == "subtract" else "zero"


def _synaptic(node: Any, step: float, dtype: torch.dtype, reset: str) -> Any:
    return snntorch.Synaptic(
        alpha=1.0 - step / _tensor(node.tau_syn, dtype),
        beta=1.0 - step / _tensor(node.tau_mem, dtype),
        threshold=_tensor(node.v_threshold, dtype),
        reset_mechanism=reset,
    )


def _module(node: Any, step: float, dtype: torch.dtype) -> Any:
    """What stands for a node of NIR.

    Raises:
        ConfigurationError: It is of a kind that is not known here.
    """
    nir = library()
    if isinstance(node, nir.Input):
        return _Input()
    if isinstance(node, nir.Output):
        return _Output()
    if isinstance(node, nir.Affine | nir.Linear):
        bias = _tensor(node.bias, dtype) if isinstance(node, nir.Affine) else None
        return _Synapses(_tensor(node.weight, dtype), bias)
    if isinstance(node, nir.Delay):
        return _Delay(torch.as_tensor(np.rint(node.delay / step).astype(np.int64)), dtype)
    if isinstance(node, nir.CubaLIF):
        if node.metadata.get("synapses") == "conductance":
            return _Conductance(node, step, dtype)
        if "threshold_weight" in node.metadata:
            return _Adaptive(node, step, dtype)
        neurons = _synaptic(node, step, dtype, _reset_of(node))
        return _Neurons(neurons, 2, _gain(node, step, dtype))
    if isinstance(node, nir.LIF):
        kept, threshold = 1.0 - step / _tensor(node.tau, dtype), _tensor(node.v_threshold, dtype)
        neurons = snntorch.Leaky(beta=kept, threshold=threshold, reset_mechanism=_reset_of(node))
        return _Neurons(neurons, 1, _gain(node, step, dtype))
    if isinstance(node, nir.LI):
        return _Integrator(node, step, dtype)
    raise ConfigurationError(f"nodes of the kind {type(node).__name__} are not run here")


class _Integrator(nn.Module):
    """A leaky integrator: v ← (1 − Δt / τ) v + Δt / τ R I."""

    def __init__(self, node: Any, step: float, dtype: torch.dtype) -> None:
        super().__init__()
        kept = 1.0 - step / _tensor(node.tau, dtype)
        self._gain = (1.0 - kept) * _tensor(node.r, dtype)
        self.neurons = snntorch.Leaky(beta=kept, reset_mechanism="none")
        self.reset()

    def reset(self) -> None:
        """Return to 0."""
        self._value = torch.zeros_like(self._gain)

    def forward(self, drive: Tensor) -> Tensor:
        _, value = self.neurons(self._gain * drive, self._value)
        self._value = value
        return value  # type: ignore[no-any-return]  # snntorch is untyped
