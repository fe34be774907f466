"""A Ray cluster of two nodes of one core each, which is there until standard input is closed.

It prints its address; for each line that it reads it kills a node as a power cut would, and prints "lost". A
program of its own, because Ray leaves threads, hooks and children in the process that starts a cluster.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",  # the workers run as fast as other processes
    "RAY_health_check_period_ms": "500",  # of which five have to fail until a node counts as gone
}
NODE = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_log_monitor": False}
HEAD = {"include_dashboard": False, "no_monitor": True}


def main() -> None:
    """Start the cluster, lose what is to be lost, and take it down."""
    os.environ |= ENVIRONMENT
    from ray.cluster_utils import Cluster

    # The dashboard's process has no part in what is tested, and takes most of the time of a start.
    no_dashboard = patch("ray._private.services.start_api_server", return_value=(None, None))
    cluster = Cluster()
    # A short name: the paths of the sockets in it have at most 107 bytes.
    with no_dashboard, tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        # Ray notes the cluster's address in its usual folder, too, and does not make that.
        os.environ["RAY_TMPDIR"] = folder
        (Path(folder) / "ray").mkdir()
        try:
            cluster.add_node(temp_dir=folder, **HEAD, **NODE)
            cluster.add_node(**NODE)
            sys.stdout.write(f"{cluster.address}\n")
            sys.stdout.flush()
            for _ in sys.stdin:
                (lost,) = cluster.worker_nodes
                cluster.remove_node(lost, allow_graceful=False)
                sys.stdout.write("lost\n")
                sys.stdout.flush()
        finally:
            cluster.shutdown()


if __name__ == "__main__":
    main()
