"""A reasoner with words of its own: tokens appended to its tokenizer, its weights as they are.

    Qwen3-VL, 151 669 tokens of 151 936 rows  + [SEG] ─▶ ~/.cache/limner/reasoners/<name>-<hash>/
                                                          tokenizer, written · all else, linked

A model has more rows of embeddings than its tokenizer has tokens; a new token takes the first that is free, which
nothing was ever learned for. They are no special tokens: text that says [SEG] is this token, and nobody who reads a
reply back leaves it out.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from framework.cache import cache_folder, made_once
from framework.errors import ConfigError

WRITTEN = ("tokenizer", "special_tokens_map", "added_tokens", "vocab", "merges")
"""Files of a tokenizer begin so; they are written anew and never linked."""


def extended(path: str, tokens: Sequence[str]) -> str:
    """A folder whose tokenizer knows these tokens: the one there is, if it does, or one of limner's own beside it."""
    home = _home(path)
    try:
        told = (home / "tokenizer.json").read_bytes()
        added = {each["content"] for each in json.loads(told).get("added_tokens", [])}
        rows = _rows(json.loads((home / "config.json").read_text()))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ConfigError(
            f"reasoner.path: {path}: has no tokenizer.json and config.json to read ({error}); name a whole checkpoint"
        ) from None
    if added >= set(tokens):
        return path
    name = hashlib.blake2b(json.dumps([str(home), list(tokens)]).encode() + told, digest_size=8).hexdigest()
    folder = cache_folder() / "reasoners" / f"{home.name}-{name}"
    return str(made_once(folder, lambda whole: _write(whole, home, tokens, rows)))


def _home(path: str) -> Path:
    """Where the files lie; what has a name only is looked for where Hugging Face keeps it, or fetched."""
    there = Path(path).expanduser()
    if there.is_dir():
        return there.resolve()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(path))
    except (OSError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        why = str(error).splitlines()[0][:200]
        raise ConfigError(f"reasoner.path: {path} cannot be read ({why}); name a folder of this machine") from error


def _rows(config: Mapping[str, Any]) -> int:
    """How many tokens the model has room for."""
    return int(cast(Mapping[str, Any], config.get("text_config", config))["vocab_size"])


def _write(folder: Path, home: Path, tokens: Sequence[str], rows: int) -> None:
    from tokenizers import AddedToken
    from transformers import AutoTokenizer

    tokenizer = cast(Any, AutoTokenizer).from_pretrained(home)
    tokenizer.add_tokens([AddedToken(each, special=False, normalized=False) for each in tokens])
    if (last := max(tokenizer.convert_tokens_to_ids(list(tokens)))) >= rows:
        raise ConfigError(
            f"reasoner.extra_tokens: {home} has {rows:,} rows of embeddings, and {last + 1:,} would be needed; "
            "widen its embeddings first (resize_token_embeddings in transformers), or ask for fewer tokens"
        )
    tokenizer.save_pretrained(folder)
    for file in home.iterdir():
        if not file.name.startswith(WRITTEN) and not (folder / file.name).exists():
            (folder / file.name).symlink_to(file.resolve())
