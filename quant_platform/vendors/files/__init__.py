"""The vendor `files`: daily bars, corporate actions and reference data from CSV or Parquet files.

A file is read as text or as its own types (`tables.py`), its columns get the platform's names
(`columns.py`), and its values become days, numbers and symbols (`values.py`). A row that cannot be
read is not left out: it names its file, line and column. `settings.py` has where the files are.

What does not belong here: what becomes of the rows (`market/admission.py`).

Importing this costs nothing: pandas and pyarrow are loaded by the first read.
"""

from quant_platform.vendors.files.vendor import FilesVendor

__all__ = ["FilesVendor"]
