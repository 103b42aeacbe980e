"""One training job on several GPUs or machines: `torchrun -m ringrift.train.together job.json`.

The file holds a `TrainingJob` as JSON. Every process reads the job's shards and writes its own
exports; the one of rank 0 writes the candidate and tells job lines on stdout, as a child would.
"""

import signal
import sys
import threading
from pathlib import Path

import msgspec
import torch

from ringrift.train.distributed import team
from ringrift.train.fit import Surroundings, fit
from ringrift.wire.job import Failed, Finished, JobLine, TrainingJob


def _tell(line: JobLine) -> None:
    print(msgspec.json.encode(line).decode(), flush=True)


def main() -> int:
    """Run the job named on the command line; returns the exit status."""
    if len(sys.argv) != 2:
        print("usage: torchrun -m ringrift.train.together job.json", file=sys.stderr)
        return 2
    try:
        job = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=TrainingJob)
    except (OSError, msgspec.DecodeError) as error:
        _tell(Failed(reason=f"{sys.argv[1]} is no training job ({error})."))
        return 2
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda signum, frame: stop.set())
    torch.set_num_threads(job.threads)
    with team() as together:
        try:
            done = fit(job, Surroundings(_tell, stop.is_set, team=together))
        except ValueError as error:
            _tell(Failed(reason=f"training of {job.config} failed: {error}"))
            raise
    if together.leads:
        _tell(Finished(result=done, partial=done is None))
    return 0


if __name__ == "__main__":
    sys.exit(main())
