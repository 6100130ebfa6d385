"""Uploaded ONNX models as regressors: checked by structure, run in a sandbox, fed as their input plan says."""

from models.regressors.onnx.detect_format import check_is_onnx
from models.regressors.onnx.input_plan import InputPlan, check_fits, guess_plan
from models.regressors.onnx.passport import Passport
from models.regressors.onnx.regressor import (
    OnnxRegressor,
    ProbeResult,
    fingerprint,
    inspect,
    load_regressor,
    open_fitting,
    probe,
    stored_files,
)

__all__ = [
    "InputPlan",
    "OnnxRegressor",
    "Passport",
    "ProbeResult",
    "check_fits",
    "check_is_onnx",
    "fingerprint",
    "guess_plan",
    "inspect",
    "load_regressor",
    "open_fitting",
    "probe",
    "stored_files",
]
