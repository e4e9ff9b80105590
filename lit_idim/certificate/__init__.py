"""Compression certificates: bounds on the error of a trained subspace, from the bits that name it."""

from lit_idim.certificate.bounds import hoeffding_bound, kl_bound
from lit_idim.certificate.certificate import Certificate, relative_generalization_gap
from lit_idim.certificate.certify import certify
from lit_idim.certificate.message import Message, decode, decode_prefix, encode
from lit_idim.certificate.quantization import Grid, QuantizationAwareTraining
from lit_idim.certificate.quantized_vector import QuantizedVector
from lit_idim.certificate.rebuild import rebuild
from lit_idim.certificate.request import CertificateRequest
from lit_idim.certificate.seeds import derived_seeds

__all__ = [
    "Certificate",
    "CertificateRequest",
    "Grid",
    "Message",
    "QuantizationAwareTraining",
    "QuantizedVector",
    "certify",
    "decode",
    "decode_prefix",
    "derived_seeds",
    "encode",
    "hoeffding_bound",
    "kl_bound",
    "rebuild",
    "relative_generalization_gap",
]
