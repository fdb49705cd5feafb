"""Makes the bucket of PARLANCE_LAKE where it is not there yet."""

import os

import s3fs

bucket = os.environ["PARLANCE_LAKE"].removeprefix("s3://").split("/")[0]
store = s3fs.S3FileSystem()
if not store.exists(bucket):
    store.mkdir(bucket)
print(f"bucket {bucket} is there")
