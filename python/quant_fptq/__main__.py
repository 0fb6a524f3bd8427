import sys

from quant_fptq.cli import main

sys.exit(main())
