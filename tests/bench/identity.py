"""What every call and every command pays to know who somebody is."""
from figures import from_line
from servers import output


def run(bench):
    for line in output(bench.program("identity_bench")).splitlines():
        yield from_line(line)
