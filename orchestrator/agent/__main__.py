"""`python -m orchestrator.agent FOLDER`: the agent of a node."""

import os
import sys

from orchestrator.agent.main import main

code = main(sys.argv[1:])
sys.stderr.flush()
os._exit(code)  # a thread that waits for a runner, or for a dead mount, may not hold us back
