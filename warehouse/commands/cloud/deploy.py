"""`warehouse cloud deploy`: what would change is shown and asked for before anything does."""

from __future__ import annotations

from pathlib import Path

import click

from warehouse.cloud.deploy import ChangeSet, Deployer
from warehouse.cloud.stack import stack_name
from warehouse.cloud.template import TEMPLATE, read_template
from warehouse.commands.cloud.options import access_of, stack_options
from warehouse.commands.options import somebody_is_there
from warehouse.domain.deployment import in_lines
from warehouse.errors import CloudUnavailable, SettingsError
from warehouse.services import utc_now

BUCKET = "nccid-data-warehouse"


@click.command(short_help="Make an installation, or bring it up to date.")
@click.option(
    "--parameter", "given", multiple=True, metavar="NAME=VALUE", help="Of the template; repeatable."
)
@click.option("--template", type=click.Path(path_type=Path), default=TEMPLATE, help="Another template.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@stack_options
def deploy(
    stack: str,
    given: tuple[str, ...],
    template: Path,
    yes: bool,
    profile: str | None,
    role_arn: str | None,
    region: str | None,
) -> int:
    """Make the CloudFormation stack warehouse-NAME, or bring it up to the template of this version.

    The changes are shown first, and asked for. Parameters that are not given stay as they are. A change that
    would replace or remove a bucket is refused.
    """
    name, read = stack_name(stack), read_template(template)
    deployer = Deployer(access_of(profile, role_arn, region))
    defaults = {"BucketNameParameter": f"{BUCKET}-{stack}"}
    known = {key: value for key, value in defaults.items() if key in read.get("Parameters", {})}
    proposed = deployer.propose(name, read, given, known, utc_now())
    if not proposed.changes:
        click.echo(f"the stack {name} is up to date: nothing is to be changed")
    elif not _wanted(deployer, proposed, yes):
        return 0
    else:
        _carry_out(deployer, proposed)
        click.echo(f"the stack {name} {'was made' if proposed.makes_the_stack else 'is up to date'}")
    for one in (deployer.describe(name) or {}).get("Outputs", ()):
        click.echo(f"{one['OutputKey']}: {one['OutputValue']}")
    return 0


def _wanted(deployer: Deployer, proposed: ChangeSet, yes: bool) -> bool:
    """Show the changes and ask; False where they are not wanted. Raises where they are not let through."""
    for line in in_lines(proposed.changes):
        click.echo(line)
    endangered = [one.logical_id for one in proposed.changes if one.endangers]
    if endangered:
        deployer.discard(proposed)
        said = (
            f"refused: {', '.join(endangered)} would be replaced or removed, and with it what it holds;"
            " nothing was changed. Keep the names that the stack has (docs/cloud.md)"
        )
        raise CloudUnavailable("cloudformation", "", said)
    if yes:
        return True
    if not somebody_is_there():
        deployer.discard(proposed)
        raise SettingsError("nobody is there to be asked: say --yes to carry these changes out")
    try:
        if click.confirm(f"Carry these {len(proposed.changes)} changes out?", err=True):
            return True
    except click.Abort:
        # Whoever leaves instead of answering has said no.
        deployer.discard(proposed)
        raise
    deployer.discard(proposed)
    click.echo("nothing was changed", err=True)
    return False


def _carry_out(deployer: Deployer, proposed: ChangeSet) -> None:
    try:
        deployer.carry_out(proposed)
    except KeyboardInterrupt:
        click.echo(f"CloudFormation goes on with the stack {proposed.stack}", err=True)
        raise
