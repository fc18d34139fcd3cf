"""Time of a scheduling decision, with few inputs pending and with many."""
import re

from figures import compared
from servers import output


def run(bench):
    rounds = re.findall(r"10 pending: (\d+) ns, with 100000 pending: (\d+) ns", output(bench.program("ionian-sim"), "--decisions"))
    few, many = ([[float(pair[i])] for pair in rounds] for i in (0, 1))
    yield compared("scheduling decision, 100,000 inputs pending", "ns", many, few, "10 pending", "≤ 1.5×")
