"""Why something failed, in the words of what failed first: not of the processes it came through.

ray::Player.ask() … ray::Server.generate() … ValueError: no such size     ─▶     ValueError: no such size
"""

from ray.exceptions import RayError

from framework.errors import LimnerError


def reason(error: BaseException) -> str:
    """One error, or the end of a chain of them, as a person wants to read it."""
    cause = getattr(error, "cause", None)  # Ray wraps what another process raised, or says that it cannot
    if isinstance(cause, BaseException) and type(cause) is not RayError:
        return reason(cause)
    if isinstance(error, RayError):
        return _last_words(str(error))
    if str(error).startswith("Caught "):  # torch's loader makes the error anew, with a report for its message
        return _last_words(str(error)).removeprefix(f"{type(error).__module__}.{type(error).__qualname__}: ")
    return str(error) if isinstance(error, LimnerError) else f"{type(error).__name__}: {error}"


def _last_words(told: str) -> str:
    """What follows the frames and fields of a report, which are indented."""
    lines = told.rstrip().splitlines()
    return "\n".join(lines[max((at + 1 for at, line in enumerate(lines) if line[:1].isspace()), default=0) :])
