"""The sizes of RoBERTa that fairseq2 knows by name; needs no fairseq2."""

from dataclasses import replace

from lit_idim.series.fairseq2.architecture import RobertaArchitecture

TOY_VOCAB_SIZE = 620
_BASE = RobertaArchitecture()


def _mini(num_layers: int, width: int, num_heads: int) -> RobertaArchitecture:
    return RobertaArchitecture(
        num_layers=num_layers,
        model_dim=width,
        num_attn_heads=num_heads,
        ffn_inner_dim=4 * width,
        max_seq_len=128,
        vocab_size=4096,
        dropout_p=0.0,
    )


def _toy(num_layers: int, width: int, num_heads: int) -> RobertaArchitecture:
    return replace(_mini(num_layers, width, num_heads), max_seq_len=32, vocab_size=TOY_VOCAB_SIZE)


# Those of configs/pretrain, by name, and RoBERTa-large (Liu et al. 2019, table 9).
ARCHITECTURES = {
    "base": _BASE,
    "large": replace(_BASE, model_dim=1024, num_layers=24, num_attn_heads=16, ffn_inner_dim=4096),
    "small": replace(_mini(6, 384, 6), dropout_p=_BASE.dropout_p),
    "mini": _mini(4, 192, 3),
    "mini-L2-H64": _mini(2, 64, 1),
    "mini-L2-H128": _mini(2, 128, 2),
    "mini-L4-H256": _mini(4, 256, 4),
    "toy-L1-H64": _toy(1, 64, 1),
    "toy-L2-H64": _toy(2, 64, 1),
    "toy-L2-H96": _toy(2, 96, 2),
    "toy-L2-H128": _toy(2, 128, 2),
    "toy-L3-H144": _toy(3, 144, 3),
    "toy-L4-H192": _toy(4, 192, 3),
}
