# The public names of `orchestrator`, listed once: see `orchestrator.lazy_names`.

from orchestrator.application.application import Application as Application
from orchestrator.budget import Budget as Budget
from orchestrator.graph.algebra import SKIP as SKIP
from orchestrator.graph.algebra import each as each
from orchestrator.graph.algebra import fuse as fuse
from orchestrator.graph.algebra import repeat as repeat
from orchestrator.graph.algebra import route as route
from orchestrator.graph.node import Node as Node
from orchestrator.graph.node import node as node
from orchestrator.graph.run.events import Event as Event
from orchestrator.graph.run.events import Finished as Finished
from orchestrator.graph.run.events import NodeFinished as NodeFinished
from orchestrator.graph.run.events import NodeStarted as NodeStarted
from orchestrator.graph.run.events import Restarted as Restarted
from orchestrator.graph.run.events import Text as Text
from orchestrator.graph.run.result import RunResult as RunResult
from orchestrator.graph.run_context import Run as Run
from orchestrator.graph.workflow import Workflow as Workflow
from orchestrator.graph.workflow import workflow as workflow
from orchestrator.types import ANONYMOUS as ANONYMOUS
from orchestrator.types import Answer as Answer
from orchestrator.types import Context as Context
from orchestrator.types import Hits as Hits
from orchestrator.types import Principal as Principal
from orchestrator.types import Queries as Queries
from orchestrator.types import Question as Question

__version__: str
