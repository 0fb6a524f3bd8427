"""quant-fptq from Python, NumPy in and out: parse, quantize, compile, call.

    python main.py MODULE PROFILE TOKENS OUTPUT
"""

import sys

import numpy as np

from quant_fptq import Session


def main() -> None:
    module_path, profile, tokens_path, output = sys.argv[1:]
    tokens = np.loadtxt(tokens_path, dtype=np.int32)
    with Session() as session:
        module = session.parse(module_path)
        module.run(f"fptq-quantize-pipeline{{profile={profile} group-size=32}}")
        (y,) = module.compile(threads=1).call("first_layer", [tokens])
        y.tofile(output)
        print(f"{y.shape[0]} x {y.shape[1]}, first {y[0, 0]:.9g}")


if __name__ == "__main__":
    main()
