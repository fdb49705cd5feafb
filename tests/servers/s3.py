"""moto's S3 on loopback."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock


@contextmanager
def s3(*buckets: str) -> Iterator[dict[str, str]]:
    """The settings of a server with `buckets`; they are in the environment too, as long as the block lasts."""
    import boto3
    import s3fs
    from moto.server import ThreadedMotoServer

    requests = logging.getLogger("werkzeug")
    level = requests.level
    requests.setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "parlance",
        "AWS_SECRET_ACCESS_KEY": "parlance",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    try:
        s3fs.S3FileSystem.clear_instance_cache()  # an instance keeps the endpoint that it was made with
        with mock.patch.dict(os.environ, settings):
            for bucket in buckets:
                boto3.client("s3").create_bucket(Bucket=bucket)
            yield settings
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()
        requests.setLevel(level)
