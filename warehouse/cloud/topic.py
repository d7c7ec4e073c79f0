"""A message to a topic, to try whether one may be sent there."""

from __future__ import annotations

from warehouse.cloud.clients import Access, client, translated
from warehouse.errors import CloudUnavailable

# arn:<partition>:sns:<region>:<account>:<name> (Service Authorization Reference, Amazon SNS).
_PARTS = 6


def send_trial(topic: str, access: Access) -> None:
    """Publish one message that says what it is for. Raises CloudError."""
    parts = topic.split(":")
    if len(parts) != _PARTS or parts[:1] + parts[2:3] != ["arn", "sns"]:
        raise CloudUnavailable("sns", "Publish", "that is no ARN of a topic")
    there = Access(access.profile, access.role_arn, parts[3])
    with translated("sns"):
        client("sns", there).publish(
            TopicArn=topic,
            Subject="warehouse doctor",
            Message="A trial of `warehouse doctor`: messages of the warehouse arrive here.",
        )
