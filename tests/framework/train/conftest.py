"""Warnings of verl and Ray, which are not ours to mend; in our own modules a warning stays an error."""

import pytest

OTHERS = (
    "ignore:Ray state API is no longer experimental:DeprecationWarning",  # verl still imports its old place
    "ignore:.* engine is not available:UserWarning",  # verl names the backends that are not installed
    "ignore::DeprecationWarning:verl.*",
    "ignore::DeprecationWarning:ray.*",
    "ignore::FutureWarning:ray.*",
    "ignore::UserWarning:transformers.*",  # pictures that nobody may write to are fine
    "ignore:The PyTorch API of nested tensors is in prototype stage:UserWarning",  # what verl keeps batches in
)


def pytest_configure(config: pytest.Config) -> None:
    for each in OTHERS:
        config.addinivalue_line("filterwarnings", each)
