"""Where tables and files live: a folder or an `s3://` prefix."""

from parlance.storage.files import Files
from parlance.storage.pending import Pending
from parlance.storage.spool import Spool
from parlance.storage.tables import Table, Written, record_batches, stream

__all__ = ["Files", "Pending", "Spool", "Table", "Written", "record_batches", "stream"]
