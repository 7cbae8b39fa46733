"""The command that tries the paper's claims about places, and ours: CSV and figure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from rich.table import Table

from neuro_control.cli.options import executor_options, out_option
from neuro_control.cli.output import print_table, remarks, write_rows
from neuro_control.errors import ConfigurationError
from neuro_control.learning.executors import workers
from neuro_control.places.control.images import shrink
from neuro_control.places.evaluation.deployment_experiments import growth, seasons, start
from neuro_control.places.evaluation.design_experiments import ablation, single, sizes
from neuro_control.places.evaluation.route_experiment import RouteExperiment, Row
from neuro_control.places.training.dataset import open_traverse, pair

_EXPERIMENTS: dict[str, Callable[[RouteExperiment], list[Row]]] = {
    "sizes": sizes,
    "ablation": ablation,
    "single": single,
    "seasons": seasons,
    "growth": growth,
    "start": start,
}


@click.command()
@click.argument("name", type=click.Choice(list(_EXPERIMENTS)))
@click.option(
    "--reference", type=click.Path(path_type=Path), required=True,
    help="Traverse on which ensembles are trained.",
)  # fmt: skip
@click.option(
    "--query", type=click.Path(path_type=Path), required=True,
    help="Traverse of the same places whose images are recognised.",
)  # fmt: skip
@click.option("--first", type=click.IntRange(2), help="Use so many places from the beginning.")
@executor_options
@out_option("Folder of CSV files, figures and models.", Path("out/places"))
def experiment(
    name: str,
    reference: Path,
    query: Path,
    first: int | None,
    jobs: int,
    cluster: str | None,
    out: Path,
) -> None:
    """Try a claim about places; trained models are used again, interrupted training is resumed."""
    trained, queried = (open_traverse(path, keep=shrink) for path in (reference, query))
    pair(trained, queried)
    trained, queried = trained.beginning(first), queried.beginning(first)
    if trained.names != queried.names:
        raise ConfigurationError(
            f"{reference} and {query} show the same places in different orders, or one of them has "
            "images that can't be used: give two traverses of the same images"
        )
    (out / "models").mkdir(parents=True, exist_ok=True)
    with workers(jobs, cluster) as executor:
        rows = _EXPERIMENTS[name](RouteExperiment(trained, queried, out, executor))
    write_rows(out / f"{name}.csv", rows)
    table = Table(*rows[0], title=name)
    for row in rows:
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))
    print_table(table)
    remarks.print(f"written: {', '.join(sorted(str(p) for p in out.glob(f'{name}.*')))}")
