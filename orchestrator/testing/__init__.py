"""The kit for people who write plugins: golden files, the contract of a processor, whole jobs.

``golden_cases``: one YAML file is one test.  ``check_plugin`` and ``check_processor``: what every
processor must keep, asked once.  ``run_job``: a job by the real ``orchestrator run``, in a folder of
the test's own.  All raise AssertionError with what to mend, so any test runner will do.
``python -m orchestrator.testing FILE.yaml`` prints what the processor says now, to paste.
"""

from orchestrator.testing.case import Case as Case
from orchestrator.testing.case import golden_cases as golden_cases
from orchestrator.testing.case import read_case as read_case
from orchestrator.testing.contract import check_plugin as check_plugin
from orchestrator.testing.contract import check_processor as check_processor
from orchestrator.testing.running import Ran as Ran
from orchestrator.testing.running import run_job as run_job
