"""usage: volumes_caller.py FILES ROUNDS FOLDER    Runs the program of volumes_app.py and the same work in FOLDER, in turns. Prints JSON, a line a row."""
import io
import json
import sys

import volumes_app
from volumes_app import app, large

FILES, ROUNDS, FOLDER = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


def say(row, ours, floor=None):
    print(json.dumps({"row": row, "ours": ours, "floor": floor}), flush=True)


with app.run():
    box = volumes_app.Box()
    box.prepare.remote(FILES)
    volumes_app.fill(FOLDER, FILES)
    inside, outside = [], []
    for _ in range(2 * ROUNDS + 1):  # the first one fills the page cache of both
        inside.append(box.times.remote())
        outside.append(volumes_app.times(FOLDER))
    for work in inside[0]:
        say(work, [[r[work]] for r in inside[1:]], [[r[work]] for r in outside[1:]])
    commits = [(box.commit.remote("large"), box.commit.remote("small")) for _ in range(2 * ROUNDS + 1)]
    say("commit", [[a] for a, _ in commits[1:]], [[b] for _, b in commits[1:]])
    reloads = []
    for number in range(2 * ROUNDS):
        with large.batch_upload(force=True) as batch:
            batch.put_file(io.BytesIO(str(number).encode()), "/d0/7")
        reloads.append(box.reload.remote())
    say("reload", reloads)
