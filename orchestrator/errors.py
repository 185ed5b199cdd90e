"""Every error a user can meet, one line of meaning each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.types import Usage


def sentence(clause: str) -> str:
    """A clause as a sentence: with a capital and a full stop.

    What begins with a path, a name or a value, which a mark follows (`rerank: left out`), keeps its letters.
    """
    first = clause.partition(" ")[0]
    begun = clause[:1].upper() + clause[1:] if first.isalpha() else clause
    return begun if begun.endswith((".", "!", "?", "…")) else f"{begun}."


class OrchestratorError(Exception):
    """The root. `message` says what was given and what was expected, `hint` the next step."""

    #: HTTP status the chat endpoint answers with.
    status = 500
    #: OpenAI error `type` and `code` the chat endpoint answers with.
    kind = "server_error"
    code: str | None = None
    #: Whether the same call may succeed when it is tried again.
    retryable = False
    #: Whether the text may name paths, hosts or databases: it is for the log, and not for clients.
    private = False
    #: What anybody may be told of it, where the message names what only the operator may know.
    brief: str | None = None
    #: What models had been paid when it was raised: by the call, until its run has counted that; of an
    #: error that ended a run, by the run.
    spent: Usage | None = None

    def __init__(
        self, message: str, *, hint: str = "", node: str | None = None, run_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.node = node
        self.run_id = run_id

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied without its constructor, whose parameters differ from error to error."""
        return _restored, (type(self), self.args, dict(self.__dict__))

    @property
    def told(self) -> str:
        """The message, or what anybody may be told of it."""
        return self.brief or self.message

    def __str__(self) -> str:
        where = f"[{self.node}] " if self.node else ""
        return f"{where}{self.message}" + (f" {self.hint}" if self.hint else "")

    @property
    def record(self) -> str:
        """The text that a run's record keeps; a private one is told by its type, as the unforeseen are."""
        return f"{type(self).__name__}: {self.message}" if self.private else self.told


def _restored(
    cls: type[OrchestratorError], args: tuple[object, ...], state: dict[str, object]
) -> OrchestratorError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class WorkflowError(OrchestratorError):
    """A workflow is wrong before it runs; `faults` lists everything that is."""

    def __init__(self, workflow: str, faults: tuple[object, ...]) -> None:
        lines = "\n".join(f"  {number}. {fault}" for number, fault in enumerate(faults, 1))
        plural = "fault" if len(faults) == 1 else "faults"
        try:
            named = repr(workflow)
        except Exception:  # what it is named by need not be a text
            named = type(workflow).__name__
        super().__init__(f"Workflow {named} has {len(faults)} {plural}:\n{lines}")
        self.faults = faults


class NodeError(OrchestratorError):
    """A node failed while it ran; the cause is chained."""


class NodeTimeout(NodeError):
    """A node took longer than its own timeout."""

    status, retryable = 504, True


class WrongReturn(NodeError):
    """A node returned something other than what its annotation promises."""


class BudgetExhausted(OrchestratorError):
    """The run's deadline, calls or tokens ran out in a node that had nothing to return yet."""

    status, code = 503, "budget_exhausted"


class RunFailed(OrchestratorError):
    """A run ended in an error that no part of it foresaw; the cause is chained."""

    brief = "The run failed; the server's log says why."


class RunNotFound(OrchestratorError):
    """No run of this id is visible to this principal."""

    status, kind, code = 404, "invalid_request_error", "run_not_found"


class RunBusy(OrchestratorError):
    """Another process, or another task, carries this run on."""

    status, kind, code = 409, "invalid_request_error", "run_busy"


class PlanChanged(OrchestratorError):
    """A run cannot resume, since its workflow is no longer the one that it began with."""

    status, kind = 409, "invalid_request_error"


class BadInput(OrchestratorError):
    """The user's input cannot be used."""

    status, kind = 400, "invalid_request_error"


class UnknownWorkflow(BadInput):
    """No workflow of this name or path exists."""

    status, code = 404, "model_not_found"


class ModelError(OrchestratorError):
    """A model server failed or answered with something unusable."""

    status = 502


class NoModel(ModelError):
    """A node needs a language model and none is configured."""

    status, code = 503, "no_model"


class ModelUnreachable(ModelError):
    """No model server answered: it is down, at another address, or broke off."""

    brief = "The model server cannot be reached; `orchestrator doctor` says more."
    status, code, retryable = 503, "model_unreachable", True


class ModelTimeout(ModelError):
    """A model server did not answer in the time that the settings give it."""

    brief = "The model server did not answer in time."
    status, code = 504, "model_timeout"


class ModelOverloaded(ModelError):
    """A model server takes no more at the moment; `retry_after` is in seconds, if it said so."""

    brief = "The model server takes no more requests at the moment."
    status, code, retryable = 503, "model_overloaded", True

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        if retry_after is not None:
            self.retry_after = max(1, round(retry_after))


class ModelKeyRefused(ModelError):
    """A model server does not accept the key that is configured."""

    brief = "The model server does not accept its key; `orchestrator doctor` says more."
    code = "model_key_refused"


class UnknownModel(ModelError):
    """A model server has no model of this name."""

    brief = "The model server has no such model; `orchestrator doctor` says more."
    code = "unknown_model"


class ContextTooLong(ModelError):
    """A prompt, with the room for its answer, is longer than the model reads."""

    brief = "The prompt is longer than the model reads."
    code = "context_length_exceeded"


class InvalidOutput(ModelError):
    """A model wrote something other than what it was asked for, as often as it was asked."""

    brief = "The model wrote something other than what it was asked for."
    code = "invalid_output"


class NoLogProbabilities(ModelError):
    """A model server gives no log-probabilities, without which options have no probabilities."""

    brief = "The model server gives no log-probabilities."
    code = "no_log_probabilities"


class StoreError(OrchestratorError):
    """A store could not be read or written."""

    status, private = 503, True


class IndexMismatch(StoreError):
    """An index was made with another embedder or format than the one configured."""

    status, kind, private = 409, "invalid_request_error", False


class IndexBusy(StoreError):
    """Another writer holds this index."""

    retryable = True


class UnreadableFile(OrchestratorError):
    """One file could not be read; the others are not affected."""

    status, kind = 422, "invalid_request_error"


class LeaseLost(StoreError):
    """A job or run lost its lease to another worker; nothing was written."""


class SettingsError(OrchestratorError):
    """A setting has a value that cannot be used."""

    status, kind = 400, "invalid_request_error"


class PluginError(OrchestratorError):
    """A plug-in cannot be imported or built, or its name is declared twice."""

    private = True


def told_error(error: BaseException) -> str:
    """The class and the text of any error; one that fails to say what it is has its class alone."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}".rstrip(" .:")
