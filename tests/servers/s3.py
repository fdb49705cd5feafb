"""moto's S3 on loopback."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock


@contextmanager
def s3(*buckets: str) -> Iterator[dict[str, str]]:
    """The settings of a server with `buckets`; they are in the environment too, as long as the block lasts."""
    import boto3
    import s3fs
    from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
    from moto.s3.models import S3Backend
    from werkzeug.serving import make_server

    whole_list = S3Backend.list_objects

    def list_objects(backend: S3Backend, bucket: Any, prefix: str | None, *rest: Any, **named: Any) -> Any:
        """As moto's, which looks at all keys of the bucket for each list, but only at those with the prefix."""
        names = [name for name in list(bucket.keys) if name.startswith(prefix or "")]
        keys = {name: bucket.keys.get(name) for name in names}
        few = SimpleNamespace(keys={name: key for name, key in keys.items() if key is not None})
        return whole_list(backend, few, prefix, *rest, **named)

    requests = logging.getLogger("werkzeug")
    level = requests.level
    requests.setLevel(logging.ERROR)
    # S3 alone: moto's own server looks for the service of each request, which takes as long as to answer it.
    server = make_server("127.0.0.1", 0, create_backend_app("s3"), threaded=True, request_handler=MotoRequestHandler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "parlance",
        "AWS_SECRET_ACCESS_KEY": "parlance",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    try:
        s3fs.S3FileSystem.clear_instance_cache()  # an instance keeps the endpoint that it was made with
        with mock.patch.dict(os.environ, settings), mock.patch.object(S3Backend, "list_objects", list_objects):
            for bucket in buckets:
                boto3.client("s3").create_bucket(Bucket=bucket)
            yield settings
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.shutdown()
        server.server_close()
        thread.join()
        requests.setLevel(level)
