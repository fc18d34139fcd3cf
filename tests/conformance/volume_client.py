"""Writers of one volume, with the official client: each puts whole sets of files at once, and notes what was acknowledged. Prints one JSON line a set.
volume_client.py VOLUME STOP_FILE"""
import io
import json
import os
import random
import sys
import time

import modal

NAME, STOP = sys.argv[1:]
chance = random.Random(1)
vol = modal.Volume.from_name(NAME, create_if_missing=True, version=2)
number = 0
while not os.path.exists(STOP):
    number += 1
    # Every file of a set says which set it is of, so that a tree with parts of two is seen.
    size = chance.choice([10, 1000, 300_000])
    print(json.dumps({"began": number}), flush=True)
    try:
        with vol.batch_upload(force=True) as batch:
            for name in "abc":
                batch.put_file(io.BytesIO(f"{number}\n".encode() * size), f"/set/{name}")
    except Exception as error:  # the server was killed under it: it may have happened or not
        print(json.dumps({"failed": number, "error": str(error)[:200]}), flush=True)
        time.sleep(0.1)
        continue
    print(json.dumps({"kept": number}), flush=True)
