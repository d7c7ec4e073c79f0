"""The real commands on Spark: a warehouse that ends equal to one that was loaded here, whatever happens."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import large_drop
import pytest
from java import needs_spark
from spark_cluster import Cluster, program
from test_process import archive
from test_s3 import environment, fill, state_on_s3

from hard_drop import FolderPlace, warehouse_in
from support import bare_environment, load, script, state

pytestmark = needs_spark

ROOT = Path(__file__).parents[2]
PATIENCE = 240
HERE = ("--engine", "spark", "--master", "local[2]", "--conf", "spark.driver.host=127.0.0.1")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return FolderPlace(tmp_path_factory.mktemp("places"))


def in_tree(folder):
    return sum(len(names) for group in ("training", "validation") for _, _, names in os.walk(folder / group))


def killed_half_way(cluster, folder, more):
    """Load a folder, and kill a worker once so many more files stand in the two sets."""
    wanted = in_tree(folder) + more
    process = subprocess.Popen(
        [script("warehouse"), "load", str(folder), *cluster.driver()],
        env=bare_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        patience = time.monotonic() + PATIENCE
        while in_tree(folder) < wanted:
            assert process.poll() is None, "it ended before it could be disturbed"
            assert time.monotonic() < patience
            time.sleep(0.01)
        cluster.kill_worker()
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert "Traceback" not in errors
    return process.returncode, errors


def test_the_demonstration_ends_equal_on_a_cluster(command, cluster, drop, loaded_once):
    before = cluster.executors()
    ended = command("warehouse", "load", drop, *cluster.driver(), "--report", "report.json", cwd=drop.parent)
    assert ended.code == 0, ended.err
    assert cluster.executors() == before + 2
    assert state(*warehouse_in(drop)) == state(*warehouse_in(loaded_once))
    assert " - process_image in=223 out=223 [done]" in ended.err
    again = command("warehouse", "load", drop)
    assert again.out.startswith("223 raw objects: ")
    assert command("warehouse", "verify", drop).code == 0


@pytest.mark.nightly
def test_a_worker_that_is_killed_half_way_changes_nothing(cluster, places):
    here, there = places.copy_folder(), places.copy_folder()
    assert load(*warehouse_in(here)).code == 0
    code, errors = killed_half_way(cluster, there, 3)
    cluster.start_worker()
    assert code == 0, errors
    assert state(*warehouse_in(there)) == state(*warehouse_in(here))


@pytest.mark.nightly
def test_the_tables_are_the_same(command, loaded_once, tmp_path):
    for name, options in (("here", ()), ("there", HERE)):
        folder = shutil.copytree(loaded_once, tmp_path / name)
        ended = command("warehouse", "process", folder, *options)
        assert ended.code == 0, ended.err
    assert archive(tmp_path / "there-processed") == archive(tmp_path / "here-processed")


@pytest.mark.nightly
def test_a_bucket_ends_equal_and_every_request_is_counted(command, s3_server, loaded_once, tmp_path):
    bucket = s3_server.new_bucket()
    fill(s3_server, bucket)
    options = (*HERE, "--report", "report.json")
    ended = command("warehouse", "load", f"s3://{bucket}", *options, env=environment(s3_server))
    assert ended.code == 0, ended.err
    assert state_on_s3(s3_server, bucket) == state(*warehouse_in(loaded_once))
    requests = json.loads((tmp_path / "report.json").read_text())["services"]["ledger"]["requests"]
    assert requests["copy"] >= 183
    assert requests["read"] >= 200
    assert requests["requests"] > 500


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--engine", "spark", "--dry-run"), "a dry run is for the local engine"),
        (("--master", "local[2]"), "--master and --conf are for Spark"),
        (("--conf", "spark.a=b"), "--master and --conf are for Spark"),
        (("--engine", "spark", "--conf", "memory=4g"), "--conf takes a setting of Spark"),
        (("--engine", "spark", "--conf", "spark.memory"), "--conf takes a setting of Spark"),
    ],
)
def test_what_makes_no_sense_is_refused(command, drop, options, said):
    ended = command("warehouse", "load", drop, *options)
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert not (drop / "training").exists()


def test_without_java_one_line_says_what_to_install(command, drop):
    ended = command("warehouse", "load", drop, "--engine", "spark", env={"PATH": str(drop)})
    assert ended.code == 2
    assert "openjdk-17-jre-headless" in ended.err
    assert not (drop / "training").exists()


def test_a_bucket_that_is_not_there_is_said_before_spark_is_started(command, tmp_path):
    ended = command("warehouse", "load", tmp_path / "nothing", *HERE)
    assert ended.code == 2
    assert "incubator" not in ended.err


def submitted(folder, cluster, conf=(), options=(), arguments=()):
    """Load a folder through spark-submit."""
    settings = ("spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1", *conf)
    words = [
        program("spark-submit"),
        *("--master", cluster.url),
        *(part for one in settings for part in ("--conf", one)),
        *options,
        *(ROOT / "deploy" / "spark" / "job.py", "load", folder, "--engine", "spark", *arguments),
    ]
    return subprocess.run(
        words,
        # Its own Python, unless it is told of another, is the first of the path.
        env=bare_environment(
            PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}", SPARK_LOCAL_IP="127.0.0.1"
        ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_spark_submit_ends_with_the_code_of_the_command(cluster, drop):
    ended = submitted(drop, cluster, arguments=("--dry-run",))
    assert ended.returncode == 2
    # It joins both outputs of what it runs.
    assert "a dry run is for the local engine" in ended.stdout


@pytest.mark.nightly
def test_spark_submit_loads_on_the_cluster_that_it_is_told_of(cluster, drop, loaded_once):
    before = cluster.executors()
    ended = submitted(drop, cluster)
    assert ended.returncode == 0, ended.stderr
    assert cluster.executors() == before + 2
    assert state(*warehouse_in(drop)) == state(*warehouse_in(loaded_once))


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_machines_that_have_nothing_installed_work_from_the_archive(drop, loaded_once, tmp_path):
    archive = tmp_path / "environment.tar.gz"
    subprocess.run([ROOT / "bin" / "spark-environment", archive], check=True, timeout=600)
    (tmp_path / "cluster").mkdir()
    cluster = Cluster(tmp_path / "cluster")
    try:
        ended = submitted(
            drop,
            cluster,
            conf=(
                f"spark.pyspark.driver.python={sys.executable}",
                f"spark.archives={archive}#environment",
                "spark.executor.cores=1",
                "spark.executor.memory=1g",
            ),
            options=("--properties-file", str(ROOT / "deploy" / "spark" / "loader.conf")),
        )
        assert ended.returncode == 0, ended.stderr
        assert list((tmp_path / "cluster").glob("worker-*/app-*/*/environment/bin/python"))
    finally:
        cluster.stop()
    assert state(*warehouse_in(drop)) == state(*warehouse_in(loaded_once))


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The large drop, and what a load of it by the local engine leaves."""
    folder = tmp_path_factory.mktemp("large") / "drop"
    print(f"{large_drop.write(folder)} images")
    loaded = shutil.copytree(folder, folder.parent / "loaded", copy_function=shutil.copy2)
    assert load(*warehouse_in(loaded)).code == 0
    return folder, state(*warehouse_in(loaded))


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("how", ["as it is", "with speculation", "with a worker killed"])
def test_five_thousand_images_end_equal(command, large, tmp_path, how):
    template, expected = large
    folder = shutil.copytree(template, tmp_path / "drop", copy_function=shutil.copy2)
    cluster = Cluster(tmp_path)
    try:
        if how == "with a worker killed":
            code, errors = killed_half_way(cluster, folder, 1500)
            assert code == 0, errors
        else:
            conf = SPECULATION if how == "with speculation" else ()
            ended = command("warehouse", "load", folder, *cluster.driver(*conf))
            assert ended.code == 0, ended.err
    finally:
        cluster.stop()
    assert state(*warehouse_in(folder)) == expected


# So eager that about every task has a second attempt beside the first.
SPECULATION = (
    "spark.speculation=true",
    "spark.speculation.interval=10ms",
    "spark.speculation.multiplier=1.01",
    "spark.speculation.quantile=0.01",
    "spark.speculation.minTaskRuntime=1ms",
)
