"""What is told to a topic of SNS, in bounded time: whoever asked the task to end waits for no more."""

from __future__ import annotations

from collections.abc import Mapping

from warehouse.cloud.clients import Access, client, translated
from warehouse.domain.run_report import Attribute

# Fargate kills a task 30 seconds after it asked it to stop, unless its definition says otherwise.
SECONDS, ATTEMPTS = 5.0, 3


def publish(topic: str, access: Access, subject: str, text: str, attributes: Mapping[str, Attribute]) -> None:
    """Send a message (API_Publish) to a topic by its ARN. Raises CloudError, SettingsError."""
    sns = client("sns", access, seconds=SECONDS, attempts=ATTEMPTS)
    with translated("sns"):
        sns.publish(
            TopicArn=topic,
            Subject=subject,
            Message=text,
            MessageAttributes={
                name: {"DataType": one.type, "StringValue": one.value} for name, one in attributes.items()
            },
        )
