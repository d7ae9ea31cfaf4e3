"""The mask decoders that a recipe may name. This table is the only list of them."""

from framework.reasoners.conv_decoder import ConvDecoder
from framework.reasoners.decoder import Decoder
from framework.reasoners.sam2_decoder import Sam2Decoder

DECODERS: dict[str, type[Decoder]] = {
    "conv": ConvDecoder,
    "sam2": Sam2Decoder,
}
