"""`warehouse cloud diagram`: the architecture, drawn from the template that is deployed."""

from __future__ import annotations

from pathlib import Path

import click

from bonobo.dot import draw_dot
from warehouse.cloud.template import TEMPLATE, read_template
from warehouse.commands.options import FILE
from warehouse.domain.diagram import diagram as in_dot


@click.command(short_help="Draw the architecture.")
@click.option("--out", type=FILE, default="warehouse.svg", show_default=True, help="svg, png, pdf or dot.")
@click.option("--template", type=click.Path(path_type=Path), default=TEMPLATE, help="Another template.")
def diagram(out: Path, template: Path) -> int:
    """Draw what an installation consists of into a file, from the template. All but .dot need Graphviz."""
    draw_dot(in_dot(read_template(template)), Path(out))
    click.echo(str(out))
    return 0
