"""AWS's control plane in this process: moto, with what it lacks of CloudFormation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws
from moto.cloudformation.models import CloudFormationBackend
from moto.ec2.models.vpcs import VPCBackend

REGION = "eu-west-2"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    execute = CloudFormationBackend.execute_change_set

    def execute_and_tell(self: CloudFormationBackend, **how: str) -> None:
        """moto forgets the outputs of a stack that a change set makes."""
        execute(self, **how)
        for stack in self.stacks.values():
            stack._parse_template()
            stack.output_map = stack._create_output_map()

    monkeypatch.setattr(CloudFormationBackend, "execute_change_set", execute_and_tell)
    # moto deletes no route tables with a stack, and then no network that has some.
    monkeypatch.setattr(VPCBackend, "delete_vpc", lambda *_: None)
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield
