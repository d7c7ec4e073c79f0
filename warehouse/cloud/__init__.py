"""Talks to AWS about everything but objects: stacks, tasks, logs, notifications. By boto3."""
