"""Which files are mutated, and the fast tests that ought to tell."""

CHUNKS = "tests/projections/test_chunks.py"
LAWS = "tests/projections/test_laws.py"
FASTFOOD = ("tests/projections/test_fastfood.py", "tests/projections/test_pieces.py", CHUNKS, LAWS)
MESSAGE = "tests/certificate/test_message.py"
D90_TESTS = ("settings", "simulation", "estimate", "planning", "crossing", "protocols", "search_of_record", "accuracy")
D90 = tuple(f"tests/d90/test_{name}.py" for name in D90_TESTS)
NO_OTHER_PROCESS = "not another_process"  # the same mutant would run there
NO_SLOW_DENSE = f"{NO_OTHER_PROCESS} and not (dense] and (accuracy or bfloat16))"

SUBSETS: dict[str, tuple[tuple[str, ...], str]] = {
    "lit_idim/randomness.py": (("tests/test_randomness.py", LAWS), NO_SLOW_DENSE),
    "lit_idim/projections/base.py": ((LAWS,), f"{NO_OTHER_PROCESS} and not dense]"),
    "lit_idim/projections/chunked.py": ((CHUNKS, LAWS), NO_SLOW_DENSE),
    "lit_idim/projections/compiled.py": (FASTFOOD, f"{NO_OTHER_PROCESS} and not [dense] and not sparse]"),
    "lit_idim/projections/dense.py": ((CHUNKS, LAWS), f"{NO_OTHER_PROCESS} and dense]"),
    "lit_idim/projections/fastfood.py": (FASTFOOD, f"{NO_OTHER_PROCESS} and not dense] and not sparse]"),
    "lit_idim/projections/fastfood_cpu.py": (FASTFOOD, f"{NO_OTHER_PROCESS} and not dense] and not sparse]"),
    "lit_idim/projections/fastfood_literal.py": ((CHUNKS, LAWS), f"{NO_OTHER_PROCESS} and literal]"),
    "lit_idim/projections/hadamard.py": ((LAWS,), f"{NO_OTHER_PROCESS} and not dense]"),
    "lit_idim/projections/onehot.py": ((CHUNKS, LAWS), f"{NO_OTHER_PROCESS} and onehot]"),
    "lit_idim/projections/permutation.py": (("tests/projections/test_permutation.py", LAWS), "not dense]"),
    "lit_idim/projections/pieces.py": (("tests/projections/test_pieces.py",), ""),
    "lit_idim/projections/registry.py": ((LAWS,), f"{NO_OTHER_PROCESS} and not dense]"),
    "lit_idim/projections/sparse.py": ((CHUNKS, LAWS), f"{NO_OTHER_PROCESS} and sparse]"),
    **{
        f"lit_idim/d90/{name}.py": (D90, "")
        for name in (
            "accuracy", "adaptive", "crossing", "curve", "estimate", "full", "grid", "planning", "posterior", "search",
            "settings", "simulation", "training",
        )
    },
    "lit_idim/d90/rate_rule.py": (("tests/d90/test_rate_rule.py",), ""),
    "lit_idim/certificate/bounds.py": (("tests/certificate/test_bounds.py",), ""),
    "lit_idim/certificate/certificate.py": (("tests/certificate/test_certificate.py",), ""),
    "lit_idim/certificate/integer_code.py": (("tests/certificate/test_integer_code.py", MESSAGE), ""),
    "lit_idim/certificate/level_code.py": (("tests/certificate/test_level_code.py", MESSAGE), ""),
    "lit_idim/certificate/message.py": ((MESSAGE,), ""),
    "lit_idim/certificate/quantization.py": (("tests/certificate/test_quantization.py",), ""),
    "lit_idim/certificate/quantized_vector.py": (("tests/certificate/test_quantization.py", MESSAGE), ""),
}  # fmt: skip
"""By mutated file: test files, fastest first, and pytest's -k."""

FRESH_KERNELS = ("lit_idim/projections/compiled.py", "lit_idim/projections/permutation.py")
"""What compiled kernels are made of: numba's cache on disk does not see that a constant of another file changed."""
