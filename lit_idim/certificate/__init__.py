"""Compression certificates: bounds on the error of a trained subspace, from the bits that name it."""

from lit_idim.certificate.bounds import hoeffding_bound, kl_bound
from lit_idim.certificate.certificate import Certificate, relative_generalization_gap
from lit_idim.certificate.certify import certify
from lit_idim.certificate.message import Message, decode, decode_prefix, encode
from lit_idim.certificate.quantization import Grid, QuantizationAwareTraining
from lit_idim.certificate.quantized_vector import QuantizedVector
from lit_idim.certificate.rebuild import rebuild
from lit_idim.certificate.request import CertificateRequest
from lit_idim.certificate.sample_training import errors_by_part, sample_data, train_on_sample
from lit_idim.certificate.settings import CertificateSettings
from lit_idim.study.seeds import derived_seeds

__all__ = [
    "Certificate",
    "CertificateRequest",
    "CertificateSettings",
    "Grid",
    "Message",
    "QuantizationAwareTraining",
    "QuantizedVector",
    "certify",
    "decode",
    "decode_prefix",
    "derived_seeds",
    "encode",
    "errors_by_part",
    "hoeffding_bound",
    "kl_bound",
    "rebuild",
    "relative_generalization_gap",
    "sample_data",
    "train_on_sample",
]
