"""Judges that people upload: ONNX files, recognised by structure, run in a jail, with a plan of what they are shown."""

from models.regressors.onnx.detect_format import recognise
from models.regressors.onnx.input_plan import InputPlan, guess
from models.regressors.onnx.passport import Passport
from models.regressors.onnx.regressor import OnnxRegressor, ProbeResult, files, fingerprint, inspect, load, probe

__all__ = [
    "InputPlan",
    "OnnxRegressor",
    "Passport",
    "ProbeResult",
    "files",
    "fingerprint",
    "guess",
    "inspect",
    "load",
    "probe",
    "recognise",
]
