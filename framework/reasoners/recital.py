"""A conversation as a model would have read and said it: the very tokens that playing it gives.

Conversation ─▶ opening, reply, following, reply … ─▶ Tokens (mask 1 on what is learned) and the pictures behind them
"""

from framework.data.conversations import Conversation
from framework.errors import DataError, TokenError
from framework.reasoners.player import Limits
from framework.reasoners.voice import Voice
from framework.tokens import Image, TokenLedger, Tokens
from framework.types import Observation, Picture


def recite(conversation: Conversation, voice: Voice, limits: Limits) -> tuple[Tokens, tuple[Picture, ...]]:
    """Its tokens, and its pictures in the order in which they are read. Each reply ends as the template ends one."""
    ledger = TokenLedger(voice.image_token, limits.prompt_tokens, limits.episode_tokens)
    pictures: list[Picture] = []
    try:
        for asked, said in conversation.exchanges:
            seen = Observation(asked.content)
            shown = voice.following(seen) if ledger.spans else voice.opening(conversation.system, seen)
            ledger.show(shown.ids, [Image(grid, "") for grid in shown.grids])
            reply = [*voice.write(said.text), voice.stop_tokens[0]]
            if len(reply) > limits.reply_tokens:
                raise DataError(
                    f"a reply of {len(reply)} tokens, where rollout.reply_tokens={limits.reply_tokens}; raise it, "
                    "or the policy is taught what it may never say"
                )
            ledger.say(reply, [0.0] * len(reply))
            pictures += seen.pictures
    except (TokenError, DataError) as error:
        raise DataError(f"conversation {conversation.id}: {error}") from None
    return ledger.close(), tuple(pictures)
