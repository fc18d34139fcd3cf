"""What says when its first line ran: in a new container each time, held ones, and many at once."""
import time

import modal

app = modal.App("bench", image=modal.Image.debian_slim())


@app.function(single_use_containers=True, max_containers=8)
def fresh(_=None):
    return time.time()


@app.function(single_use_containers=True, max_containers=100)
def burst(_=None):
    return time.time()


@app.function(max_containers=16, scaledown_window=600)
def held(_=None):
    began = time.time()
    time.sleep(2)
    return began
