"""Refuses every upload that is not ONNX, saying what it is and how to get ONNX from it, before anything opens it."""

from __future__ import annotations

from models.errors import Invalid
from models.importing import file_formats
from models.importing.file_formats import FileFormat

LARGEST = 300 * 2**20  # bytes
EXPORT_CODE = 'torch.onnx.export(model.eval(), (torch.zeros(1, 3, 224, 224),), "model.onnx", external_data=False)'
EXPORT = f"Export it as ONNX: {EXPORT_CODE}."
CHOOSE = "Choose the .onnx file of the model."
UNPACK = "Unpack it, and choose the .onnx file in it."
KERAS = "Convert it to ONNX: python -m tf2onnx.convert --keras model.h5 --output model.onnx."
TFLITE = "Convert it to ONNX: python -m tf2onnx.convert --tflite model.tflite --output model.onnx."
ORIGINAL = "Choose the .onnx file that it was made from."
COULD_RUN = ", which could run code when it is opened"
NO_GRAPH = ", which has weights but not what to compute with them"
ONNX_FIRST_BYTE = 0x08  # the tag of ir_version, the first field of an ONNX message

# The remark added to a format's description, and the hint for it; CHOOSE for formats that are not listed.
ADVICE = {
    file_formats.PICKLE: (COULD_RUN, EXPORT), file_formats.TORCH_LEGACY: (COULD_RUN, EXPORT),
    file_formats.TORCH_ZIP: (COULD_RUN, EXPORT), file_formats.TORCHSCRIPT: (COULD_RUN, EXPORT),
    file_formats.TORCHSCRIPT_MOBILE: (COULD_RUN, EXPORT), file_formats.COMPRESSED: (COULD_RUN, EXPORT),
    file_formats.NPY: (", which may hold pickles", EXPORT), file_formats.NPZ: (", which may hold pickles", EXPORT),
    file_formats.SAFETENSORS: (NO_GRAPH, EXPORT), file_formats.GGUF: (NO_GRAPH, EXPORT),
    file_formats.TORCH_EXPORT: ("", EXPORT), file_formats.EXECUTORCH: ("", EXPORT),
    file_formats.ONNXRUNTIME: ("", ORIGINAL), file_formats.HDF5: ("", KERAS), file_formats.KERAS: ("", KERAS),
    file_formats.TFLITE: ("", TFLITE), file_formats.GZIP: ("", UNPACK), file_formats.BZIP2: ("", UNPACK),
    file_formats.XZ: ("", UNPACK), file_formats.SEVEN_ZIP: ("", UNPACK), file_formats.ZSTD: ("", UNPACK),
    file_formats.RAR: ("", UNPACK), file_formats.TAR: ("", UNPACK),
}  # fmt: skip


def check_is_onnx(data: bytes) -> None:
    """Return if the bytes may be ONNX. Raises Invalid otherwise, with what they are and how to get ONNX from it."""
    if not data:
        raise Invalid("The file is empty.", EXPORT)
    if len(data) > LARGEST:
        raise Invalid(f"The file is over {LARGEST >> 20} MiB.", "Export a smaller model.")
    format, hint = _format(data)
    if format is file_formats.ONNX or (format is file_formats.UNKNOWN and data[0] == ONNX_FIRST_BYTE):
        return  # the sandbox finds the errors in a graph
    if format is file_formats.UNKNOWN:
        raise Invalid("This is not ONNX. It was not opened.", EXPORT)
    remark, advice = ADVICE.get(format, ("", CHOOSE))
    raise Invalid(f"This is {format.description}{remark}, not ONNX. It was not opened.", hint or advice)


def advice(format: FileFormat) -> str:
    """How to get an ONNX file instead of one of this format; "" where there is no advice."""
    return ADVICE.get(format, ("", ""))[1]


def _format(data: bytes) -> tuple[FileFormat, str]:
    # The format, and a hint that goes before the table's.
    format = file_formats.detect_format(data)
    if format is not file_formats.ZIP:
        return format, ""
    names = file_formats.zip_names(data)
    if names is None:
        return file_formats.DAMAGED_ZIP, ""
    return file_formats.detect_zip(names), UNPACK if any(name.endswith(".onnx") for name in names) else ""
