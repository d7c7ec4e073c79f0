"""Starts the loader where there is work for it and none is running. A Lambda: boto3 and nothing else.

It is given a batch of messages that tell of uploads, or {"source": "nightly"} by a schedule, or each hour
{"source": "tick"}, which starts nothing. Messages that nothing was started for go back to the queue: what was
uploaded behind the back of a running task has a run of its own.
"""

import json
import os
import time

import boto3

WINDOW = 900  # seconds in which at most one task is started
FRESH = 10  # seconds between ECS's clock and this one


def handler(event, context):
    ecs = boto3.client("ecs")
    now = time.time()
    hours = [(now - task["createdAt"].timestamp()) / 3600 for task in running(ecs)]
    tell(max(hours, default=0.0), now)
    started = not hours and event.get("source") != "tick" and start(ecs, now)
    print(json.dumps({"running": len(hours), "started": started}))
    waiting = [] if started else event.get("Records", [])
    return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in waiting]}


def running(ecs):
    """The loader's tasks that run or are about to."""
    cluster = os.environ["CLUSTER"]
    wanted = {"cluster": cluster, "family": os.environ["FAMILY"], "desiredStatus": "RUNNING"}
    pages = ecs.get_paginator("list_tasks").paginate(**wanted)
    arns = [arn for page in pages for arn in page["taskArns"]]
    return ecs.describe_tasks(cluster=cluster, tasks=arns[:100])["tasks"] if arns else []


def start(ecs, now):
    """Start a task; False where this window's one was started before, which ECS tells of again."""
    answer = ecs.run_task(
        cluster=os.environ["CLUSTER"],
        taskDefinition=os.environ["TASK_DEFINITION"],
        launchType="FARGATE",
        platformVersion=os.environ["PLATFORM_VERSION"],
        clientToken=f"{os.environ['FAMILY'][-50:]}-{int(now // WINDOW)}",
        startedBy="starter",
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": os.environ["SUBNETS"].split(","),
                "securityGroups": [os.environ["SECURITY_GROUP"]],
                "assignPublicIp": os.environ["ASSIGN_PUBLIC_IP"],
            }
        },
    )
    if answer.get("failures"):
        raise RuntimeError(f"no task was started: {answer['failures'][0].get('reason')}")
    return answer["tasks"][0]["createdAt"].timestamp() >= now - FRESH


def tell(hours, now):
    """Print the age of the oldest running task as a metric (CloudWatch embedded metric format)."""
    metric = {
        "Namespace": "ImagingWarehouse",
        "Dimensions": [["Stack"]],
        "Metrics": [{"Name": "TaskHours"}],
    }
    told = {"Timestamp": int(now * 1000), "CloudWatchMetrics": [metric]}
    print(json.dumps({"_aws": told, "Stack": os.environ["STACK"], "TaskHours": round(hours, 3)}))
