"""Judges that people upload: ONNX files, recognised by structure, run in a jail, with a plan of what they are shown."""

from models.scorers.passport import Passport
from models.scorers.plan import InputPlan, guess
from models.scorers.recognise import recognise
from models.scorers.scorer import OnnxRegressor, Probe, files, fingerprint, inspect, load, probe

__all__ = [
    "InputPlan",
    "OnnxRegressor",
    "Passport",
    "Probe",
    "files",
    "fingerprint",
    "guess",
    "inspect",
    "load",
    "probe",
    "recognise",
]
