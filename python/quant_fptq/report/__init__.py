"""One HTML page about a quantization: ranges and policies, channels before and after equalization, errors."""

from quant_fptq.report.page import write_report

__all__ = ["write_report"]
