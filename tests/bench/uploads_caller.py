"""usage: uploads_caller.py FILE    For each line of its input, a number, sends FILE under that name into a volume with the official client, and prints the ms."""
import sys
import time

import modal

vol = modal.Volume.from_name("bench-uploads", create_if_missing=True, version=2)
vol.hydrate()
for line in sys.stdin:
    began = time.perf_counter()
    with vol.batch_upload(force=True) as batch:
        batch.put_file(sys.argv[1], f"/official/{line.strip()}")
    print((time.perf_counter() - began) * 1e3, flush=True)
