"""Whether Spark can run here, and why not."""

import pytest

from bonobo.errors import UsageError
from bonobo.spark_start import require_java, require_pyspark


def missing():
    """What is missing, in words; None where nothing is."""
    try:
        require_pyspark()
        require_java()
    except UsageError as error:
        return str(error)
    return None


needs_spark = pytest.mark.skipif(
    missing() is not None, reason=f"{missing()} (package openjdk-17-jre-headless)"
)
