# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Executors of long work: this process, its cores, or a cluster, behind one interface."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager

from neuro_control.errors import ConfigurationError

# Wall time to wait for a cluster's scheduler, s.
_PATIENCE = 5


@contextmanager
def workers(jobs: int = 1, cluster: str | None = None) -> Iterator[Executor]:
    """Executor of ``concurrent.futures`` for work that is split into tasks.

    Args:
        jobs: Processes on this machine; with 1 the work stays in this process.
        cluster: Address of a ``dask.distributed`` scheduler, such as tcp://10.0.0.1:8786, in
            place of processes.

    Raises:
        ConfigurationError: There is no such cluster, or distributed is not installed.
    """
    if cluster is not None:
        try:
            from distributed import Client
        except ImportError as error:
            raise ConfigurationError(
                "a cluster needs dask.distributed: pip install 'neuro_control[cluster]'"
            ) from error
        try:
            client = Client(cluster, timeout=_PATIENCE)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"no dask scheduler at '{cluster}': {error}") from error
        with client, client.get_executor() as executor:
            yield executor
    elif jobs == 1:
        with ThreadPoolExecutor(1) as executor:
            yield executor
    else:
        # A fresh interpreter each: a fork would copy threads' locks in whatever state they are.
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as executor:
            yield executor
