"""Functions whose containers run the C++ echo in the place of the official runtime; ECHO_CONTAINER is its program."""
import os

import modal

app = modal.App("bench-raw")
slots = modal.concurrent(max_inputs=64)
image = modal.Image.debian_slim().env({"ECHO_SLOTS": "64"})
if modal.is_local():
    image = image.add_local_file(os.environ["ECHO_CONTAINER"], "/usr/local/sbin/python", copy=True)


@app.function(image=image, min_containers=1, max_containers=1)
@slots
def raw_one(x):
    return x


@app.function(image=image, min_containers=2, max_containers=2)
@slots
def raw_two(x):
    return x
