"""What is called: one container, two, two that take many inputs at a time, and a new one for each input."""
import modal

app = modal.App("bench", image=modal.Image.debian_slim())


@app.function(min_containers=1, max_containers=1)
def one(x):
    return x


@app.function(min_containers=2, max_containers=2)
def two(x):
    return x


@app.function(min_containers=2, max_containers=2)
@modal.concurrent(max_inputs=32)
async def shared(x):
    return x


@app.function(single_use_containers=True, max_containers=1)
def cold(x):
    return x
