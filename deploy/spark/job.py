"""What spark-submit is given: the `warehouse` command, with its arguments and its exit code.

spark-submit --properties-file deploy/spark/loader.conf deploy/spark/job.py load s3://bucket --engine spark
"""

from warehouse.__main__ import main

if __name__ == "__main__":
    main()
