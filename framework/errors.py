"""Everything limner raises on purpose.

LimnerError
├── UserError          what a person wrote cannot be done; the message says path, value and remedy (exit 2)
│   ├── ConfigError    a recipe or an override says something impossible
│   ├── UnknownName    a name is not in its table
│   ├── NoExpert       nobody here knows how to play this game, or this task of it
│   └── DataError      a dataset row cannot become a Task
├── GeometryError      boxes of two different pictures were mixed
├── TokenError         ids, masks and pictures do not agree
├── PixelError         a frame that was promised cannot be read
├── EnvError           an env raised, hung or broke its contract
├── PolicyError        a policy that plays from elsewhere gave no reply
├── RewardError        a reward raised, or has no number where the recipe says that this ends the run
└── TrainError         learning on would be learning wrong
"""


class LimnerError(Exception):
    """Catch this to catch us, and nothing else."""


class UserError(LimnerError, ValueError):
    """Shown to a person without a traceback."""


class ConfigError(UserError):
    pass


class UnknownName(UserError):
    pass


class NoExpert(UserError):
    pass


class DataError(UserError):
    pass


class GeometryError(LimnerError, ValueError):
    pass


class TokenError(LimnerError, ValueError):
    pass


class PixelError(LimnerError, OSError):
    pass


class EnvError(LimnerError, RuntimeError):
    pass


class PolicyError(LimnerError, RuntimeError):
    pass


class RewardError(LimnerError, RuntimeError):
    pass


class TrainError(LimnerError, RuntimeError):
    pass
